//! The variables as Hermes sees them: every place that sets one, the value in `os.environ` after start-up, and the
//! value that Hermes' own parser reads from `H/.env` (hermes-agent 0.19.0 `hermes_cli/env_loader.py`
//! `load_hermes_dotenv`, `hermes_cli/config.py` `load_env`). Texts are here as plainly as in the world's environment,
//! so that none of this has a `Debug`.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::lines::{self, Line, Lines};
use super::registry::is_usable;
use super::vault::Vaults;
use crate::agents::common::Doc;
use crate::formats::pyyaml::Yaml;
use crate::source::{Dialect, Place, Source};
use crate::world::{Trouble, World};

/// hermes-agent 0.19.0 pins python-dotenv 1.2.2.
pub const DOTENV: Dialect = Dialect::PythonDotenvMarked;
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

/// All variables of one profile. A variable is put together when a rule asks for it: a file may set a million.
pub struct Environ<'a> {
    world: &'a dyn World,
    files: Vec<Applied>,
    known: RefCell<BTreeMap<String, Rc<Var>>>,
    /// Vaults that may replace values at start.
    pub vaults: Vaults,
    /// Files that could not be read.
    pub troubles: Vec<(PathBuf, Trouble)>,
    /// `H/.env` cannot be decoded.
    pub undecodable: bool,
    /// A file was loaded: only then Hermes cleans the variables.
    loaded: bool,
}

/// A file, as one layer.
struct Applied {
    layer: Layer,
    file: PathBuf,
    /// It takes precedence over the layers below.
    overrides: bool,
    lines: Rc<Lines>,
}

/// The files that several profiles read, each parsed once where nothing in it depends on the profile.
#[derive(Default)]
pub struct Shared {
    lines: RefCell<HashMap<PathBuf, Rc<Lines>>>,
    docs: RefCell<HashMap<PathBuf, Rc<Doc>>>,
    trees: RefCell<HashMap<PathBuf, Rc<Tree>>>,
}

/// A configuration before anything in it is expanded, and why it could not be read.
pub type Tree = (Yaml, Vec<(PathBuf, Trouble)>);

impl Shared {
    /// The document of a file, made when it is asked for first.
    pub fn doc(&self, path: &Path, make: impl FnOnce() -> Doc) -> Rc<Doc> {
        once(&self.docs, path, make)
    }

    /// The configuration in a file, made when it is asked for first.
    pub fn tree(&self, path: &Path, make: impl FnOnce() -> Tree) -> Rc<Tree> {
        once(&self.trees, path, make)
    }
}

fn once<T>(kept: &RefCell<HashMap<PathBuf, Rc<T>>>, path: &Path, make: impl FnOnce() -> T) -> Rc<T> {
    if let Some(known) = kept.borrow().get(path) {
        return Rc::clone(known);
    }
    let made = Rc::new(make());
    kept.borrow_mut().insert(path.to_owned(), Rc::clone(&made));
    made
}

/// The files beside `H/.env`.
pub struct Files<'a> {
    /// The profile's folder.
    pub home: &'a Path,
    /// The folder of the installed package.
    pub install: Option<&'a Path>,
    /// The administrator's folder.
    pub managed: Option<&'a Path>,
    /// What was read for other profiles.
    pub shared: &'a Shared,
}

/// Reads all layers in Hermes' order.
#[must_use]
pub fn build<'a>(world: &'a dyn World, files: &Files<'_>) -> Environ<'a> {
    let mut env = Environ {
        world,
        files: Vec::new(),
        known: RefCell::default(),
        vaults: Vaults::default(),
        troubles: Vec::new(),
        undecodable: false,
        loaded: false,
    };
    let user = files.home.join(".env");
    let has_user = world.exists(&user);
    env.file(&user, Layer::User, true, None);
    if env.raw("OP_SERVICE_ACCOUNT_TOKEN").is_none_or(|token| token.is_empty()) {
        env.file(&files.home.join(".op.env"), Layer::Bootstrap, false, None);
    }
    if let Some(install) = files.install {
        env.file(&install.join(".env"), Layer::Project, !has_user, Some(files.shared));
    }
    if let Some(managed) = files.managed {
        env.file(&managed.join(".env"), Layer::Managed, true, Some(files.shared));
    }
    env
}

impl<'a> Environ<'a> {
    /// A variable, if anything sets it.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<Rc<Var>> {
        // Nearly all names that the rules ask for are set nowhere.
        if self.world.var(name).is_none() && !self.files.iter().any(|file| file.lines.has(name)) {
            return None;
        }
        if let Some(known) = self.known.borrow().get(name) {
            return Some(Rc::clone(known));
        }
        let mut var = self.made(name)?;
        if self.loaded {
            var.clean(name);
        }
        let var = Rc::new(var);
        self.known.borrow_mut().insert(name.to_owned(), Rc::clone(&var));
        Some(var)
    }

    /// A place that sets a variable.
    #[must_use]
    pub fn setting(&self, name: &str, at: usize) -> Option<Setting> {
        self.var(name)?.settings.get(at).cloned()
    }

    /// Whether this line of `H/.env` is one that Hermes splits.
    #[must_use]
    pub fn is_split(&self, line: usize) -> bool {
        let user = self.files.iter().find(|file| file.layer == Layer::User);
        user.is_some_and(|user| user.lines.split.binary_search(&line).is_ok())
    }

    /// Whether python-dotenv reads another name on this line of `H/.env`, for a byte order mark before it.
    #[must_use]
    pub fn is_marked(&self, place: &Place) -> bool {
        let user = self.files.iter().find(|file| file.layer == Layer::User && file.lines.marked);
        user.is_some_and(
            |user| matches!(place, Place::Line { file, line: Some(1), .. } if *file == user.file),
        )
    }

    /// The value in one view, as it is used: not empty, and in the own view without the blanks around it.
    #[must_use]
    pub fn pick(&self, view: View, name: &str) -> Option<Pick> {
        let var = self.var(name)?;
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
            View::Environ => self.var(name)?.environ.as_ref().map(|pick| pick.text.clone()),
            View::PreferDotenv => self.pick(view, name).map(|pick| pick.text),
        }
    }

    /// A variable without the blanks around it, or none if nothing remains.
    #[must_use]
    pub fn plain(&self, view: View, name: &str) -> Option<String> {
        self.text(view, name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Whether `os.environ` holds a usable secret under this name.
    #[must_use]
    pub fn is_usable(&self, name: &str) -> bool {
        self.text(View::Environ, name).is_some_and(|text| is_usable(&text))
    }

    /// The value in `os.environ` before the next file: what a reference in that one means.
    fn raw(&self, name: &str) -> Option<Cow<'a, str>> {
        if self.files.is_empty() {
            return self.world.var(name).map(Cow::Borrowed);
        }
        let mut var = self.made(name)?;
        var.clean(name);
        Some(Cow::Owned(var.environ?.text))
    }

    fn file(&mut self, path: &Path, layer: Layer, overrides: bool, shared: Option<&Shared>) {
        self.loaded |= self.world.exists(path);
        let state = self.world.read(path);
        if let Some(trouble) = state.trouble().filter(|trouble| *trouble != Trouble::NotText) {
            self.troubles.push((path.to_owned(), trouble));
        }
        let Some(bytes) = state.bytes() else { return };
        let known = shared.and_then(|shared| shared.lines.borrow().get(path).cloned());
        let lines = known.unwrap_or_else(|| {
            let lines = Rc::new(lines::read(bytes, layer == Layer::User, &|name| self.raw(name)));
            // A reference means what this profile's own file says.
            if let Some(shared) = shared.filter(|_| !bytes.contains(&b'$')) {
                shared.lines.borrow_mut().insert(path.to_owned(), Rc::clone(&lines));
            }
            lines
        });
        self.undecodable |= layer == Layer::User && lines.undecodable;
        self.files.push(Applied { layer, file: path.to_owned(), overrides, lines });
    }

    /// A variable with all its places, if anything sets it.
    fn made(&self, name: &str) -> Option<Var> {
        let mut var = Var::default();
        if let Some(text) = self.world.var(name) {
            var.environ = Some(Pick { text: text.to_owned(), setting: 0, own: false });
            let place = Place::Env { name: name.to_owned() };
            let environ = Some(text.to_owned());
            var.settings.push(Setting { layer: Layer::Shell, place, own: None, environ });
        }
        for file in &self.files {
            file.lines.of(name).for_each(|line| var.add(file, name, line));
        }
        (!var.settings.is_empty()).then_some(var)
    }
}

impl Var {
    fn add(&mut self, file: &Applied, name: &str, line: Line<'_>) {
        let layer = file.layer;
        let by_own = layer == Layer::User && line.own.is_some();
        let dialect = if by_own { Dialect::Hermes } else { DOTENV };
        let place =
            Place::Line { file: file.file.clone(), line: Some(line.number), name: name.to_owned(), dialect };
        let (own, environ) = (line.own.map(str::to_owned), line.python.map(str::to_owned));
        // Of a name on very many lines the last is used, and the first are enough to be shown.
        if self.settings.len() > MAX_LINES
            && self.settings.last().is_some_and(|last| last.layer == layer)
            && file.overrides
            && environ.is_some()
            && (own.is_some() || layer != Layer::User)
        {
            self.settings.pop();
            self.dropped += 1;
        }
        let setting = self.settings.len();
        if let Some(text) = own.clone() {
            self.own = Some(Pick { text, setting, own: true });
        }
        let free = self.environ.as_ref().is_none_or(|pick| self.settings[pick.setting].layer == layer);
        if let Some(text) = environ.clone().filter(|_| file.overrides || free) {
            self.environ = Some(Pick { text, setting, own: false });
        }
        self.settings.push(Setting { layer, place, own, environ });
    }

    /// `_sanitize_loaded_credentials`, which runs behind each file that is loaded: no character outside of ASCII stays in a variable whose name ends like a key's.
    fn clean(&mut self, name: &str) {
        const ENDINGS: &[&str] = &["_API_KEY", "_TOKEN", "_SECRET", "_KEY"];
        if let Some(pick) = self.environ.as_mut().filter(|_| ENDINGS.iter().any(|end| name.ends_with(end))) {
            pick.text = ascii_only(&pick.text);
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
