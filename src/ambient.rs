//! Where a variable is set outside of the process environment and of the agents' own files: shell start-up files,
//! units, `environment.d`, compose files, property lists. None of it is in effect for a program that is started from
//! here and now; it is what the next shell, service or container will have.

use std::path::{Path, PathBuf};

use crate::finding::Lint;
use crate::formats::assignment::Parsed;
use crate::formats::compose::{self, Compose};
use crate::formats::launchd::{self, Jobs};
use crate::formats::shell::{self, Known, Mode, Reading, Shell, Spot, Variable};
use crate::formats::systemd::{self, Scope, Units};
use crate::formats::{dockerfile, dotenv};
use crate::lint::file_lints;
use crate::secret::Secret;
use crate::source::{Dialect, Place, Source, Value};
use crate::world::World;

/// One such place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ambient {
    /// Its kind.
    pub source: Source,
    /// The spot.
    pub place: Place,
    /// What is there.
    pub value: Value,
    /// Faults of the place.
    pub lints: Vec<Lint>,
    /// What it means, in one sentence.
    pub note: String,
}

const LOGIN_ENVIRONMENT: &str = "/etc/environment";

/// The start-up files of all shells and the other files that are the same for every variable, read once.
#[derive(Debug)]
pub struct Surroundings {
    own: Option<Shell>,
    readings: Vec<(Mode, Reading)>,
    compose: Compose,
    login: Parsed,
    units: Units,
    jobs: Jobs,
    image: Vec<dockerfile::Setting>,
}

impl Surroundings {
    /// Reads them.
    #[must_use]
    pub fn look(world: &dyn World) -> Self {
        let own = shell::login_shell(world);
        let mut shells = vec![Shell::Zsh, Shell::Bash, Shell::Fish, Shell::Sh];
        // The person's own shell first: a file that several read is told as that one's.
        shells.sort_by_key(|shell| Some(*shell) != own);
        let modes = [Mode::TERMINAL, Mode::LOGIN];
        let readings =
            shells.into_iter().flat_map(|shell| modes.map(|mode| (mode, shell::read(world, shell, mode))));
        let login = world.read(Path::new(LOGIN_ENVIRONMENT));
        let login = login.bytes().map(|bytes| dotenv::parse(Dialect::PamEnv, bytes, world.env()));
        Self {
            own,
            readings: readings.collect(),
            compose: Compose::look(world),
            login: login.unwrap_or_default(),
            units: Units::look(world),
            jobs: Jobs::look(world),
            image: dockerfile::look(world),
        }
    }

    /// The units.
    #[must_use]
    pub const fn units(&self) -> &Units {
        &self.units
    }

    /// The property lists.
    #[must_use]
    pub const fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// The compose project of the working directory.
    #[must_use]
    pub const fn compose(&self) -> &Compose {
        &self.compose
    }

    /// All places that set a variable.
    #[must_use]
    pub fn find(&self, world: &dyn World, name: &str) -> Vec<Ambient> {
        let mut found = self.shells(world, name);
        found.extend(etc_environment(&self.login, name));
        found.extend(self.units.find(name).into_iter().map(|setting| of_systemd(world, setting, name)));
        found.extend(self.compose.find(world, name).into_iter().map(of_compose));
        found.extend(self.image.iter().filter(|setting| setting.name == name).map(of_image));
        found.extend(self.jobs.find(name).into_iter().map(|setting| of_launchd(setting, name)));
        found
    }

    fn shells(&self, world: &dyn World, name: &str) -> Vec<Ambient> {
        let mut found: Vec<Ambient> = vec![];
        for (mode, reading) in &self.readings {
            let Some(variable) = reading.variables.get(name) else { continue };
            let last = variable.setting.iter().map(|setting| (setting, true));
            let perhaps = variable.perhaps.iter().map(|setting| (setting, false));
            for (setting, certain) in last.chain(perhaps) {
                let Some(spot) = setting.spot.as_ref() else { continue };
                let Some(file) = spot.file.as_ref() else { continue };
                let place = place(file, spot, name, reading.shell);
                if found.iter().any(|other| other.place == place) {
                    continue;
                }
                let note = self.note(world, name, reading.shell, *mode, variable, &setting.value, certain);
                let lints = lints_of(world, file);
                let value = value_of(&setting.value);
                found.push(Ambient { source: Source::Shell, place, value, lints, note });
            }
        }
        found
    }

    #[allow(clippy::too_many_arguments)]
    fn note(
        &self,
        world: &dyn World,
        name: &str,
        shell: Shell,
        mode: Mode,
        variable: &Variable,
        value: &Known,
        certain: bool,
    ) -> String {
        let shell_name = shell.name();
        let which = if mode.login { format!("a login {shell_name}") } else { format!("a new {shell_name}") };
        if !variable.exported {
            return format!("{which} sets this and does not export it: no program that it starts sees it");
        }
        let mut note = match (value, certain && !variable.unsure) {
            (Known::NotLiteral(why), _) => {
                format!("{which} exports a value that is not written there: {why}")
            }
            (_, false) => format!("{which} exports this only under a condition that is not known here"),
            (_, true) => format!("{which} exports this"),
        };
        if let (Some(ours), Known::Text(text)) = (world.var(name), value) {
            note.push_str(if ours == text {
                "; this process has the same value"
            } else {
                "; this process has another value"
            });
        } else if world.var(name).is_none() {
            note.push_str("; this process has no such variable");
        }
        if let Some(own) = self.own.filter(|own| *own != shell) {
            note = format!("{note}; your shell is {}, which does not read it", own.name());
        }
        note
    }
}

/// All places that set a variable; for many variables, [`Surroundings::look`] once is cheaper.
#[must_use]
pub fn find(world: &dyn World, name: &str) -> Vec<Ambient> {
    Surroundings::look(world).find(world, name)
}

fn place(file: &Path, spot: &Spot, name: &str, shell: Shell) -> Place {
    let dialect = match shell {
        Shell::Bash => Dialect::Bash,
        Shell::Sh => Dialect::Sh,
        Shell::Zsh => Dialect::Zsh,
        Shell::Fish => Dialect::Fish,
    };
    // A file that two shells read is one place: it is told once, by the name of its usual reader.
    let dialect = match file.file_name().and_then(|name| name.to_str()) {
        Some(".profile" | "profile") => Dialect::Sh,
        Some(name) if name.contains("bash") => Dialect::Bash,
        Some(name) if name.starts_with(".z") => Dialect::Zsh,
        _ => dialect,
    };
    Place::Line { file: file.to_owned(), line: Some(spot.line), name: name.to_owned(), dialect }
}

fn value_of(value: &Known) -> Value {
    match value {
        Known::Text(text) => Value::Present(Secret::new(text.clone())),
        Known::NotLiteral(why) => Value::Reference((*why).to_owned()),
    }
}

fn line(file: PathBuf, line: usize, name: &str, dialect: Dialect) -> Place {
    Place::Line { file, line: Some(line), name: name.to_owned(), dialect }
}

/// `/etc/environment`, read by `pam_env` at every login.
fn etc_environment(parsed: &Parsed, name: &str) -> Option<Ambient> {
    let file = PathBuf::from(LOGIN_ENVIRONMENT);
    let found = parsed.get(name)?;
    let lints =
        vec![Lint::warn("readable-by-others", "Every user of this machine gets this variable at login.")];
    Some(Ambient {
        source: Source::Shell,
        place: line(file, found.line, name, Dialect::PamEnv),
        value: Value::Present(Secret::new(found.value.clone())),
        lints,
        note: "every login of every user starts with this".to_owned(),
    })
}

fn lints_of(world: &dyn World, file: &Path) -> Vec<Lint> {
    world.read(file).meta().map(|meta| file_lints(file, meta)).unwrap_or_default()
}

fn of_systemd(world: &dyn World, setting: systemd::Setting, name: &str) -> Ambient {
    let who = match (&setting.unit, setting.scope) {
        (Some(unit), Scope::User) => format!("your service {unit}"),
        (Some(unit), Scope::System) => format!("the service {unit}"),
        (None, _) => "your systemd manager".to_owned(),
    };
    let note = match (setting.wins, setting.unit.is_some()) {
        (true, true) => format!("{who} gets this when it starts; a shell does not"),
        (false, true) => format!("{who} does not get this: a later setting wins, or it is unset"),
        (true, false) => format!("{who} gives this to your services when it starts; a shell does not get it"),
        (false, false) => format!("{who} does not use this: a later file wins"),
    };
    // A value in a unit itself can be read by everybody, whatever the unit's mode; the finding of the unit says so.
    let of_file = setting.dialect.map(|_| lints_of(world, &setting.file)).unwrap_or_default();
    let lints = of_file.into_iter().chain(setting.lints).collect();
    let dialect = setting.dialect.unwrap_or(Dialect::SystemdEnvFile);
    Ambient {
        source: Source::Systemd,
        place: line(setting.file, setting.line, name, dialect),
        value: Value::Present(setting.value),
        lints,
        note,
    }
}

fn of_compose(setting: compose::Setting) -> Ambient {
    let service = &setting.service;
    let mut note = if setting.wins {
        format!("the container of {service} gets this when it is created")
    } else {
        format!("the container of {service} does not get this: a later setting wins")
    };
    if setting.interpolated {
        note.push_str("; the value comes from a variable of the shell or of the project's .env");
    }
    Ambient {
        source: Source::Compose,
        place: setting.place,
        value: setting
            .value
            .map_or_else(|| Value::Unreadable("compose refuses the value".to_owned()), Value::Present),
        lints: vec![],
        note,
    }
}

fn of_image(setting: &dockerfile::Setting) -> Ambient {
    let value = setting.value.clone();
    Ambient {
        source: Source::Compose,
        place: line(setting.file.clone(), setting.line, &setting.name, Dialect::DockerCli),
        value: value.map_or_else(|| Value::Reference("made of another variable".to_owned()), Value::Present),
        lints: vec![Lint::warn(
            "key-in-image",
            "A value in a Dockerfile is a part of every image that is built from it. Give it to the container when it is started.",
        )],
        note: "every container of the image that is built here gets this; nothing else does".to_owned(),
    }
}

fn of_launchd(setting: launchd::Setting, name: &str) -> Ambient {
    let (value, note) = match setting.value {
        Some(value) => (Value::Present(value), "the job gets this when launchd starts it; a shell does not"),
        None => (
            Value::Unreadable("a binary property list".to_owned()),
            "a binary property list, which keymend does not open; it may set this",
        ),
    };
    Ambient {
        source: Source::Launchd,
        place: line(setting.file, setting.line, name, Dialect::PamEnv),
        value,
        lints: vec![],
        note: note.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    #[test]
    fn each_place_says_what_it_means() {
        let world = MemoryWorld::new("/home/ann")
            .with_var("SHELL", "/bin/bash")
            .with_var("K", "here")
            .with_file(".bashrc", "case $- in\n *i*) ;;\n *) return;;\nesac\nexport K=rc\n[ -n \"$SSH_TTY\" ] && export K=ssh\n")
            .with_file(".profile", "if [ -n \"$BASH_VERSION\" ]; then\n  if [ -f \"$HOME/.bashrc\" ]; then\n    . \"$HOME/.bashrc\"\n  fi\nfi\n")
            .with_file_mode(".zshrc", "export K='zsh'\n", 0o644)
            .with_file(".config/fish/config.fish", "if status is-interactive\n  set -gx K fish\nend\n")
            .with_file(".config/systemd/user/gw.service", "[Service]\nEnvironment=K=unit\n");
        let found = find(&world, "K");
        let told: Vec<(String, &str)> =
            found.iter().map(|found| (found.place.show(world.home()), found.note.as_str())).collect();
        assert_eq!(
            told,
            [
                ("~/.bashrc:5".to_owned(), "a new bash exports this; this process has another value"),
                (
                    "~/.bashrc:6".to_owned(),
                    "a new bash exports this only under a condition that is not known here; this process has another value"
                ),
                (
                    "~/.zshrc:1".to_owned(),
                    "a new zsh exports this; this process has another value; your shell is bash, which does not read it"
                ),
                (
                    "~/.config/fish/config.fish:2".to_owned(),
                    "a new fish exports this; this process has another value; your shell is bash, which does not read it"
                ),
                (
                    "~/.config/systemd/user/gw.service:2".to_owned(),
                    "your service gw.service gets this when it starts; a shell does not"
                ),
            ]
        );
        assert_eq!(found[2].lints[0].id, "readable-by-others");
    }
}
