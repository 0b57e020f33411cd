//! What a new shell would export, read from its start-up files without running anything.
//!
//! Which files a shell reads depends on how it is started ([`Mode`]), and what a line does depends on the shell: both
//! are recorded in `tests/corpora/shell_export_truth.json`. A value that is made at run time or under a condition that
//! is not known here is said to be just that; nothing is guessed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::formats::assignment::{Assignment, Parsed};
use crate::formats::bound::{self, TOO_LONG};
use crate::world::World;

mod builtins;
mod expand;
mod fish;
mod parse;
mod run;
mod state;
mod syntax;
mod test;
#[cfg(test)]
mod truth;
mod word;

use run::Runner;
pub use state::{Known, Seen, Setting, Spot, Variable};
pub use syntax::Shell;

/// How a shell is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mode {
    /// It asks for commands.
    pub interactive: bool,
    /// It is the first of a session.
    pub login: bool,
}

impl Mode {
    /// A new terminal window on most Linux desktops.
    pub const TERMINAL: Self = Self { interactive: true, login: false };
    /// A login over ssh or on a console, and a new terminal window on macOS.
    pub const LOGIN: Self = Self { interactive: true, login: true };
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The shell.
    pub shell: Shell,
    /// The variables by name.
    pub variables: BTreeMap<String, Variable>,
    /// The files that were read, in order, sourced ones included.
    pub files: Vec<PathBuf>,
    /// Lines that could not be followed; what comes after them in the same file is not certain.
    pub lost: Vec<(Option<PathBuf>, usize)>,
}

impl Reading {
    /// What a child process of the shell would see of a variable.
    #[must_use]
    pub fn seen(&self, name: &str) -> Seen {
        self.variables.get(name).map_or(Seen::Nothing, Variable::seen_by_child)
    }
}

/// The person's shell, by `SHELL`.
#[must_use]
pub fn login_shell(world: &dyn World) -> Option<Shell> {
    let path = world.var_nonempty("SHELL")?;
    match Path::new(path).file_name()?.to_str()? {
        "bash" => Some(Shell::Bash),
        "zsh" => Some(Shell::Zsh),
        "fish" => Some(Shell::Fish),
        "sh" | "dash" | "ash" => Some(Shell::Sh),
        _ => None,
    }
}

/// Reads what a new shell of the person would export.
#[must_use]
pub fn read(world: &dyn World, shell: Shell, mode: Mode) -> Reading {
    // As a new session has it: what this process has in its environment may be stale.
    const BASE: [&str; 8] =
        ["HOME", "USER", "LOGNAME", "SHELL", "LANG", "PATH", "ZDOTDIR", "XDG_CONFIG_HOME"];
    let base = BASE.iter().filter_map(|name| Some(((*name).to_owned(), world.var(name)?.to_owned())));
    let mut env: BTreeMap<String, String> = base.collect();
    if let Some(home) = world.home() {
        env.entry("HOME".to_owned()).or_insert_with(|| home.display().to_string());
    }
    let mut runner = Runner::new(shell, Some(world), &env);
    runner.interactive = mode.interactive;
    own_variables(&mut runner);
    start(&mut runner, world, mode);
    finish(runner)
}

/// What the children of a script inherit, in an environment that is known completely.
#[must_use]
pub fn run_script(
    shell: Shell,
    script: &[u8],
    env: &BTreeMap<String, String>,
    world: Option<&dyn World>,
) -> Reading {
    finish(scripted(shell, script, env, world, false))
}

fn scripted<'w>(
    shell: Shell,
    script: &[u8],
    env: &BTreeMap<String, String>,
    world: Option<&'w dyn World>,
    all_export: bool,
) -> Runner<'w> {
    let mut runner = Runner::new(shell, world, env);
    runner.closed = true;
    runner.strict = true;
    runner.all_export = all_export;
    own_variables(&mut runner);
    runner.bytes(script, None);
    runner
}

/// What `set -a; . file` takes from a file.
pub(crate) fn dotenv(shell: Shell, file: &[u8], env: &BTreeMap<String, String>) -> Parsed {
    let runner = scripted(shell, file, env, None, true);
    let mut parsed = Parsed::default();
    if runner.died {
        let line = runner.lost.first().map_or(1, |(_, line)| *line);
        parsed
            .problems
            .push((line, "sh ends here with an error, and with it whatever it was to start".to_owned()));
        return parsed;
    }
    let lost = runner.lost.iter().map(|(_, line)| *line);
    parsed.problems.extend(lost.map(|line| (line, format!("{} stops here with an error", shell.name()))));
    for (name, variable) in &runner.vars.0 {
        let Some(spot) = variable.setting.as_ref().and_then(|setting| setting.spot.clone()) else { continue };
        let (line, span, quoted) = (spot.line, spot.span, spot.quoted);
        match variable.seen_by_child() {
            Seen::Text(value) => {
                parsed.assignments.push(Assignment { name: name.clone(), value, line, span, quoted });
            }
            Seen::NotLiteral(TOO_LONG) => {
                let value = bound::MARK.to_owned();
                parsed.assignments.push(Assignment { name: name.clone(), value, line, span, quoted });
            }
            Seen::NotLiteral(why) => parsed.problems.push((line, why.to_owned())),
            Seen::Conditional => parsed.problems.push((line, "it depends on a condition".to_owned())),
            Seen::Nothing => {}
        }
    }
    parsed.assignments.sort_by_key(|assignment| assignment.span.start);
    parsed
}

fn finish(mut runner: Runner) -> Reading {
    if runner.died {
        runner.vars.0.clear();
    }
    Reading { shell: runner.shell, variables: runner.vars.0, files: runner.files, lost: runner.lost }
}

/// What each shell sets by itself.
fn own_variables(runner: &mut Runner) {
    match runner.shell {
        Shell::Bash => runner.vars.shell_own("BASH_VERSION", "5.2.15(1)-release"),
        Shell::Zsh => runner.vars.shell_own("ZSH_VERSION", "5.9"),
        Shell::Fish => runner.vars.shell_own("FISH_VERSION", "3.6.0"),
        Shell::Sh => {}
    }
    if runner.interactive && runner.shell != Shell::Fish {
        runner.vars.shell_own("PS1", "$ ");
    }
}

/// Reads the files of facts/os 1.1 in order.
fn start(runner: &mut Runner, world: &dyn World, mode: Mode) {
    let Some(home) = world.home().map(Path::to_owned) else { return };
    match runner.shell {
        Shell::Bash => bash(runner, world, &home, mode),
        Shell::Sh => {
            if mode.login {
                runner.file(Path::new("/etc/profile"));
                runner.file(&home.join(".profile"));
            }
            if mode.interactive
                && let Known::Text(env) = runner.value_of("ENV")
            {
                runner.file(&home.join(env));
            }
        }
        Shell::Zsh => zsh(runner, &home, mode),
        Shell::Fish => fish(runner, world, &home),
    }
}

fn bash(runner: &mut Runner, world: &dyn World, home: &Path, mode: Mode) {
    if mode.login {
        runner.file(Path::new("/etc/profile"));
        // Only the first of the three is read, so that one hides the others.
        let names = [".bash_profile", ".bash_login", ".profile"];
        if let Some(first) = names.iter().map(|name| home.join(name)).find(|path| world.exists(path)) {
            runner.file(&first);
        }
    } else if mode.interactive {
        runner.file(Path::new("/etc/bash.bashrc"));
        runner.file(&home.join(".bashrc"));
    }
}

fn zsh(runner: &mut Runner, home: &Path, mode: Mode) {
    let mut stages = vec!["zshenv"];
    stages.extend(mode.login.then_some("zprofile"));
    stages.extend(mode.interactive.then_some("zshrc"));
    stages.extend(mode.login.then_some("zlogin"));
    for stage in stages {
        for dir in ["/etc/zsh", "/etc"] {
            runner.file(&Path::new(dir).join(stage));
        }
        // `.zshenv` may move the rest elsewhere.
        let dir = match runner.value_of("ZDOTDIR") {
            Known::Text(dir) if !dir.is_empty() => PathBuf::from(dir),
            _ => home.to_owned(),
        };
        runner.file(&dir.join(format!(".{stage}")));
    }
}

fn fish(runner: &mut Runner, world: &dyn World, home: &Path) {
    let config = world
        .var_nonempty("XDG_CONFIG_HOME")
        .map_or_else(|| home.join(".config"), PathBuf::from)
        .join("fish");
    universal_variables(runner, world, &config.join("fish_variables"));
    let etc = Path::new("/etc/fish");
    // One file of a name, the person's own before the system's, all in the order of their names.
    let mut snippets: BTreeMap<String, PathBuf> = BTreeMap::new();
    for dir in [etc.join("conf.d"), config.join("conf.d")] {
        let names = world
            .list(&dir)
            .into_iter()
            .filter(|name| Path::new(name).extension().is_some_and(|e| e == "fish"));
        snippets.extend(names.map(|name| (name.clone(), dir.join(name))));
    }
    for path in snippets.into_values() {
        runner.file(&path);
    }
    runner.file(&etc.join("config.fish"));
    runner.file(&config.join("config.fish"));
}

fn universal_variables(runner: &mut Runner, world: &dyn World, path: &Path) {
    let state = world.read(path);
    let Some(text) = state.text() else { return };
    runner.files.push(path.to_owned());
    for (name, value, line) in fish::universal(text) {
        // fish owns and rewrites this file: no place to edit.
        let spot = Spot { file: Some(path.to_owned()), line, span: 0..0, quoted: false, literal: false };
        runner.set(&name, Known::Text(value), Some(spot), true);
    }
}
