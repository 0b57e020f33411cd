//! The variables as Hermes sees them: every place that sets one, the value in `os.environ` after start-up, and the
//! value that Hermes' own parser reads from `H/.env` (hermes-agent 0.19.0 `hermes_cli/env_loader.py`
//! `load_hermes_dotenv`, `hermes_cli/config.py` `load_env`). Texts stand here as plainly as in the world's environment,
//! so that none of this has a `Debug`.

use std::collections::BTreeMap;
use std::path::Path;

use super::lines::{self, Line};
use super::registry::is_usable;
use super::vault::Vaults;
use crate::source::{Dialect, Place, Source};
use crate::world::{Trouble, World};

/// How many lines that set one variable are kept.
const MAX_LINES: usize = 100;

/// Which file or layer sets a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The environment that Hermes is started from.
    Shell,
    /// `H/.env`.
    User,
    /// `H/.op.env`, the bootstrap of 1Password.
    Bootstrap,
    /// `.env` beside the installed package.
    Project,
    /// The administrator's `.env`.
    Managed,
}

/// One place that sets a variable.
#[derive(Clone)]
pub struct Setting {
    /// The layer.
    pub layer: Layer,
    /// Where.
    pub place: Place,
    /// What Hermes' own parser reads there; only in `H/.env`.
    pub own: Option<String>,
    /// What python-dotenv reads there, or what the shell exported.
    pub environ: Option<String>,
}

impl Setting {
    /// The kind of source.
    #[must_use]
    pub const fn source(&self) -> Source {
        match self.layer {
            Layer::Shell => Source::Env,
            _ => Source::Dotenv,
        }
    }
}

/// Which of Hermes' two readings of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// `os.environ`.
    Environ,
    /// `H/.env` by Hermes' own parser, else `os.environ`.
    PreferDotenv,
}

/// A value and the setting it came from.
#[derive(Clone)]
pub struct Pick {
    /// The text as read.
    pub text: String,
    /// The index into [`Var::settings`].
    pub setting: usize,
    /// It came from Hermes' own parser.
    pub own: bool,
}

/// Everything about one variable.
#[derive(Clone, Default)]
pub struct Var {
    /// All places, in the order in which they are applied.
    pub settings: Vec<Setting>,
    /// The value in `os.environ`.
    pub environ: Option<Pick>,
    /// The value of Hermes' own parser, possibly empty.
    pub own: Option<Pick>,
    /// How many lines between the first and the last are not among the settings.
    pub dropped: usize,
}

/// All variables of one profile.
#[derive(Default)]
pub struct Environ {
    vars: BTreeMap<String, Var>,
    /// Vaults that may replace values at start.
    pub vaults: Vaults,
    /// Files that could not be read.
    pub troubles: Vec<(std::path::PathBuf, Trouble)>,
    /// The lines of `H/.env` that Hermes splits.
    pub split: Vec<usize>,
    /// `H/.env` cannot be decoded.
    pub undecodable: bool,
}

/// The files beside `H/.env`.
pub struct Files<'a> {
    /// The profile's folder.
    pub home: &'a Path,
    /// The folder of the installed package.
    pub install: Option<&'a Path>,
    /// The administrator's folder.
    pub managed: Option<&'a Path>,
}

/// Reads all layers in Hermes' order.
#[must_use]
pub fn build(world: &dyn World, files: &Files<'_>) -> Environ {
    let mut env = Environ::default();
    for (name, value) in world.env() {
        env.set(name, Layer::Shell, Place::Env { name: name.clone() }, value.clone(), true);
    }
    let user = files.home.join(".env");
    let has_user = world.exists(&user);
    env.file(world, &user, Layer::User, true);
    if env.text(View::Environ, "OP_SERVICE_ACCOUNT_TOKEN").is_none_or(|token| token.is_empty()) {
        env.file(world, &files.home.join(".op.env"), Layer::Bootstrap, false);
    }
    if let Some(install) = files.install {
        env.file(world, &install.join(".env"), Layer::Project, !has_user);
    }
    if let Some(managed) = files.managed {
        env.file(world, &managed.join(".env"), Layer::Managed, true);
    }
    env.clean();
    env
}

impl Environ {
    /// A variable, if anything sets it.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&Var> {
        self.vars.get(name)
    }

    /// The value in one view, as it is used: not empty, and in the own view without the blanks around it.
    #[must_use]
    pub fn pick(&self, view: View, name: &str) -> Option<Pick> {
        let var = self.vars.get(name)?;
        let environ = var.environ.as_ref().filter(|pick| !pick.text.is_empty());
        if view == View::Environ {
            return environ.cloned();
        }
        let own = var.own.as_ref().map(trimmed).filter(|pick| !pick.text.is_empty());
        // An `op://` reference gives way to a resolved value, but only one that is not the reference itself exists.
        match (own, environ) {
            (Some(own), Some(environ)) if own.text.starts_with("op://") => Some(trimmed(environ)),
            (Some(own), _) => Some(own),
            (None, environ) => environ.cloned(),
        }
    }

    /// The text in one view, possibly empty.
    #[must_use]
    pub fn text(&self, view: View, name: &str) -> Option<String> {
        match view {
            View::Environ => self.vars.get(name)?.environ.as_ref().map(|pick| pick.text.clone()),
            View::PreferDotenv => self.pick(view, name).map(|pick| pick.text),
        }
    }

    /// A variable without the blanks around it; none where nothing remains.
    #[must_use]
    pub fn plain(&self, view: View, name: &str) -> Option<String> {
        self.text(view, name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Whether `os.environ` holds a usable secret under this name.
    #[must_use]
    pub fn is_usable(&self, name: &str) -> bool {
        self.text(View::Environ, name).is_some_and(|text| is_usable(&text))
    }

    /// `os.environ`, for the expansion of references.
    #[must_use]
    pub fn all_environ(&self) -> BTreeMap<String, String> {
        let known = self.vars.iter().filter_map(|(name, var)| Some((name, var.environ.as_ref()?)));
        known.map(|(name, pick)| (name.clone(), pick.text.clone())).collect()
    }

    fn file(&mut self, world: &dyn World, path: &Path, layer: Layer, overrides: bool) {
        let state = world.read(path);
        if let Some(trouble) = state.trouble().filter(|trouble| *trouble != Trouble::NotText) {
            self.troubles.push((path.to_owned(), trouble));
        }
        let Some(bytes) = state.bytes() else { return };
        let read = lines::read(bytes, layer == Layer::User, &self.all_environ());
        if layer == Layer::User {
            self.split = read.split;
            self.undecodable = read.undecodable;
        }
        let dialect = if layer == Layer::User { Dialect::Hermes } else { Dialect::PythonDotenv };
        for line in read.all {
            let place = Place::Line {
                file: path.to_owned(),
                line: Some(line.number),
                name: line.name.clone(),
                dialect,
            };
            self.add_line(layer, place, line, overrides);
        }
    }

    fn add_line(&mut self, layer: Layer, place: Place, line: Line, overrides: bool) {
        let var = self.vars.entry(line.name.clone()).or_default();
        let Line { own, python: environ, .. } = line;
        // Of a name on very many lines the last counts, and the first are enough to be shown.
        if var.settings.len() > MAX_LINES
            && var.settings.last().is_some_and(|last| last.layer == layer)
            && overrides
            && environ.is_some()
            && (own.is_some() || layer != Layer::User)
        {
            var.settings.pop();
            var.dropped += 1;
        }
        let setting = var.settings.len();
        if let Some(text) = own.clone() {
            var.own = Some(Pick { text, setting, own: true });
        }
        let free = var.environ.as_ref().is_none_or(|pick| var.settings[pick.setting].layer == layer);
        if let Some(text) = environ.clone().filter(|_| overrides || free) {
            var.environ = Some(Pick { text, setting, own: false });
        }
        var.settings.reserve_exact(usize::from(setting == 0));
        var.settings.push(Setting { layer, place, own, environ });
    }

    fn set(&mut self, name: &str, layer: Layer, place: Place, text: String, overrides: bool) {
        let var = self.vars.entry(name.to_owned()).or_default();
        let setting = var.settings.len();
        if overrides || var.environ.is_none() {
            var.environ = Some(Pick { text: text.clone(), setting, own: false });
        }
        var.settings.push(Setting { layer, place, own: None, environ: Some(text) });
    }

    /// `_sanitize_loaded_credentials`: no character outside of ASCII stays in a variable whose name ends like a key's.
    fn clean(&mut self) {
        const ENDINGS: &[&str] = &["_API_KEY", "_TOKEN", "_SECRET", "_KEY"];
        for (name, var) in &mut self.vars {
            let Some(pick) = var.environ.as_mut() else { continue };
            if ENDINGS.iter().any(|end| name.ends_with(end)) {
                pick.text = ascii_only(&pick.text);
            }
        }
    }
}

/// The text without characters outside of ASCII, as Hermes cleans it before it becomes a header.
#[must_use]
pub fn ascii_only(text: &str) -> String {
    text.chars().filter(char::is_ascii).collect()
}

fn trimmed(pick: &Pick) -> Pick {
    Pick { text: pick.text.trim().to_owned(), ..pick.clone() }
}
