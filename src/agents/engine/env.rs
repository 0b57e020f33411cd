//! Variables that are set in several places, in an order: each agent lays its files over what the process has, or below it,
//! or reads one file only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::agents::common::{env_place, printable};
use crate::finding::Lint;
use crate::formats::dotenv;
use crate::resolve::Offer;
use crate::source::{Dialect, Place, Source, Value};
use crate::world::World;

/// U+FEFF, which some editors put before a file's first line.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

/// The finding about a variable on the first line of a file, behind a byte order mark that its reader takes for a part of
/// the name.
#[must_use]
pub fn marked(name: &str, place: &Place) -> Lint {
    let file = place.file().map_or_else(String::new, |file| {
        file.file_name().map_or_else(String::new, |name| format!(" of {}", name.to_string_lossy()))
    });
    let name = printable(name);
    let message = format!(
        "an invisible byte order mark begins the first line{file} and becomes a part of the name there, so that {name} is \
         not set by it; save the file as UTF-8 without a byte order mark"
    );
    Lint::warn("byte-order-mark", message)
}

/// A variable at one of its places.
#[derive(Clone, Debug)]
pub struct EnvValue {
    /// The kind of place.
    pub source: Source,
    /// The place.
    pub place: Place,
    /// What is set.
    pub text: String,
    /// Why it is used if it is used, in words.
    pub why: String,
    /// Why it is not used, whatever else sets the variable.
    pub ignored: Option<&'static str>,
}

impl EnvValue {
    /// What is set at a place, and why it is used if it is.
    pub fn new(source: Source, place: Place, text: impl Into<String>, why: impl Into<String>) -> Self {
        Self { source, place, text: text.into(), why: why.into(), ignored: None }
    }

    /// The value for an offer.
    #[must_use]
    pub fn value(&self) -> Value {
        Value::of(Some(self.text.as_str()))
    }
}

/// Each variable with the places that set it, weakest first.
#[derive(Clone, Debug, Default)]
pub struct Layers(BTreeMap<String, Vec<EnvValue>>);

impl Layers {
    /// The process environment alone.
    pub fn of_process(world: &dyn World) -> Self {
        let mut layers = Self::default();
        for (name, text) in world.env() {
            let why = format!("{name} is set in the environment, and nothing beats it");
            layers.put(name, EnvValue::new(Source::Env, env_place(name), text.as_str(), why));
        }
        layers
    }

    /// Adds a stronger value: a file that overrides what is set.
    pub fn put(&mut self, name: &str, value: EnvValue) {
        self.0.entry(name.to_owned()).or_default().push(value);
    }

    /// Adds a value below all others: a file that fills what is not set.
    pub fn put_weakest(&mut self, name: &str, value: EnvValue) {
        self.0.entry(name.to_owned()).or_default().insert(0, value);
    }

    /// The value that is used.
    pub fn get(&self, name: &str) -> Option<&EnvValue> {
        self.all(name).find(|value| value.ignored.is_none())
    }

    /// The value that is used, if it is not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).map(|value| value.text.as_str()).filter(|text| !text.is_empty())
    }

    /// All values of a variable, strongest first.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &EnvValue> {
        self.0.get(name).into_iter().flatten().rev()
    }

    /// The variables as they are now, for the expansion of `${NAME}`.
    pub fn env(&self) -> BTreeMap<String, String> {
        let used = |name: &String| Some((name.clone(), self.get(name)?.text.clone()));
        self.0.keys().filter_map(used).collect()
    }

    /// Offers for one variable, strongest first: the first value is used, an empty or unusable one hides the others.
    pub fn offers(&self, name: &str, unusable: impl Fn(&str) -> Option<&'static str>) -> Vec<Offer> {
        let mut hidden: Option<&'static str> = None;
        let mut offers: Vec<Offer> = Vec::new();
        for (at, found) in self.all(name).enumerate() {
            let (source, place, value) = (found.source, found.place.clone(), found.value());
            let why = if found.text.is_empty() { Some("set but empty") } else { unusable(&found.text) };
            let offer = match (at, why, hidden) {
                (0, Some(why), _) => {
                    hidden = Some("a stronger source sets the same variable to an empty or unusable value");
                    Offer::ignored(source, place, value, why)
                }
                (_, _, Some(hidden)) | (_, Some(hidden), None) => {
                    Offer::ignored(source, place, value, hidden)
                }
                _ => Offer::usable(source, place, value, found.why.clone()),
            };
            offers.push(offer.named(name));
        }
        if offers.is_empty() {
            offers.push(Offer::usable(Source::Env, env_place(name), Value::Unset, "").named(name));
        }
        let marked_name = format!("{BYTE_ORDER_MARK}{name}");
        offers.extend(self.all(&marked_name).filter(|found| !found.text.is_empty()).map(|found| {
            let why = "a byte order mark is before the name, and makes it another one";
            let offer = Offer::ignored(found.source, found.place.clone(), found.value(), why).named(name);
            Offer { lints: vec![marked(name, &found.place)], ..offer }
        }));
        offers
    }
}

/// The process, and `.env` files as npm `dotenv` reads them, of which one is read. What the process has set, even as an empty
/// text, is not replaced.
pub struct EnvFiles {
    /// The file that is read.
    pub file: Option<PathBuf>,
    layers: Layers,
}

impl EnvFiles {
    /// The files among `paths` that exist, in the order of the search; the first one that `may_be_read` is the one that is
    /// read, without the variables that `excluded` names in it.
    #[must_use]
    pub fn read(
        world: &dyn World,
        paths: Vec<PathBuf>,
        may_be_read: impl Fn(&Path) -> bool,
        excluded: impl Fn(&Path) -> Vec<String>,
    ) -> Self {
        let mut seen: Vec<PathBuf> = Vec::new();
        for path in paths {
            if !seen.contains(&path) && world.exists(&path) {
                seen.push(path);
            }
        }
        let file = seen.iter().find(|path| may_be_read(path)).cloned();
        let excluded = file.as_deref().map_or_else(Vec::new, excluded);
        let mut layers = Layers::of_process(world);
        for path in &seen {
            let state = world.read(path);
            let Some(bytes) = state.bytes() else { continue };
            let parsed = dotenv::parse(Dialect::NodeDotenv, bytes, world.env());
            let mut names: Vec<&String> = parsed.assignments.iter().map(|one| &one.name).collect();
            names.sort();
            names.dedup();
            for found in names.into_iter().filter_map(|name| parsed.get(name)) {
                let ignored = if file.as_ref() != Some(path) {
                    Some("only one .env file is read, and this is not the first")
                } else if excluded.contains(&found.name) {
                    Some("the settings leave it out")
                } else if world.var(&found.name).is_some() {
                    Some("a variable that is set is not replaced, not even an empty one")
                } else {
                    None
                };
                let place = Self::place(path, &found.name, Some(found.line));
                let value = EnvValue::new(Source::Dotenv, place, found.value.as_str(), "");
                layers.put_weakest(&found.name, EnvValue { ignored, ..value });
            }
        }
        Self { file, layers }
    }

    /// Every place that sets `name`, the process first, then the files in the order of the search.
    #[must_use]
    pub fn variable(&self, name: &str) -> Vec<EnvValue> {
        self.layers.all(name).cloned().collect()
    }

    /// What the agent sees as `name`, possibly empty.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.layers.get(name).map(|found| found.text.clone())
    }

    /// What the agent sees as `name`, if that is not empty.
    #[must_use]
    pub fn nonempty(&self, name: &str) -> Option<String> {
        self.layers.text(name).map(str::to_owned)
    }

    /// The place of a variable in one of the files.
    #[must_use]
    pub fn place(path: &Path, name: &str, line: Option<usize>) -> Place {
        Place::Line { file: path.to_owned(), line, name: name.to_owned(), dialect: Dialect::NodeDotenv }
    }

    /// The place for a new value of `name` in `path`: its present line there, if it has one.
    #[must_use]
    pub fn destination(&self, path: &Path, name: &str) -> Place {
        let line = self.layers.all(name).find_map(|found| match &found.place {
            Place::Line { file, line, .. } if file == path => *line,
            _ => None,
        });
        Self::place(path, name, line)
    }
}
