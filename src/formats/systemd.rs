//! The environment that systemd gives to a service: units, drop-ins, `EnvironmentFile=`, `environment.d`.
//!
//! systemd 252, order inside of one unit: the manager's environment, then `Environment=`, then `EnvironmentFile=`, and
//! `UnsetEnvironment=` last. Within each, the later assignment wins; an empty one clears what was collected. What the
//! manager itself was told (`systemctl set-environment`) is in its process alone and not seen here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::finding::Lint;
use crate::formats::bound::Room;
use crate::formats::dotenv;
use crate::secret::Secret;
use crate::source::Dialect;
use crate::world::World;

mod service;
mod unit;

pub use service::{Given, Service};

use service::EnvFile;

/// Which manager runs a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// The person's own manager.
    User,
    /// The machine's.
    System,
}

/// One place where a unit or the manager sets a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The unit (`openclaw-gateway.service`); none for `environment.d`.
    pub unit: Option<String>,
    /// Which manager.
    pub scope: Scope,
    /// The file.
    pub file: PathBuf,
    /// The one-based line.
    pub line: usize,
    /// How the file is read.
    pub dialect: Option<Dialect>,
    /// The value.
    pub value: Secret,
    /// It is the one that the service gets.
    pub wins: bool,
    /// Faults of the place.
    pub lints: Vec<Lint>,
}

/// The units and the `environment.d` files of a machine, read once for many variables.
#[derive(Debug, Default)]
pub struct Units {
    services: Vec<Service>,
    manager: Vec<EnvFile>,
}

impl Units {
    /// Reads them.
    #[must_use]
    pub fn look(world: &dyn World) -> Self {
        let mut services = vec![];
        for scope in [Scope::User, Scope::System] {
            let dirs = unit_dirs(world, scope);
            let names = names(world, &dirs);
            services.extend(names.into_iter().map(|name| Service::read(world, &dirs, scope, name)));
        }
        Self { services, manager: environment_d(world) }
    }

    /// All places that set a variable.
    #[must_use]
    pub fn find(&self, name: &str) -> Vec<Setting> {
        let mut found: Vec<Setting> =
            self.manager.iter().filter_map(|file| file.setting(name, None, Scope::User)).collect();
        if let Some(last) = found.last_mut() {
            last.wins = true;
        }
        found.extend(self.services.iter().flat_map(|service| service.settings(name)));
        found
    }

    /// The services.
    #[must_use]
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// What the person's manager gives to all of its services, as far as files tell.
    #[must_use]
    pub fn manager(&self) -> BTreeMap<String, Secret> {
        let lines = self.manager.iter().flat_map(|file| &file.lines);
        lines.map(|line| (line.name.clone(), line.value.clone())).collect()
    }
}

/// All places in units and `environment.d` that set a variable.
#[must_use]
pub fn find(world: &dyn World, name: &str) -> Vec<Setting> {
    Units::look(world).find(name)
}

/// The folders of units, the strongest first.
fn unit_dirs(world: &dyn World, scope: Scope) -> Vec<PathBuf> {
    let fixed: &[&str] = match scope {
        Scope::User => &[
            "/etc/systemd/user",
            "/run/systemd/user",
            "/usr/local/lib/systemd/user",
            "/usr/lib/systemd/user",
        ],
        Scope::System => &[
            "/etc/systemd/system",
            "/run/systemd/system",
            "/usr/local/lib/systemd/system",
            "/usr/lib/systemd/system",
        ],
    };
    let mut dirs = vec![];
    if scope == Scope::User {
        dirs.extend(config_home(world).map(|config| config.join("systemd/user")));
        let data = world.var_nonempty("XDG_DATA_HOME").map(PathBuf::from);
        dirs.extend(
            data.or_else(|| Some(world.home()?.join(".local/share"))).map(|data| data.join("systemd/user")),
        );
    }
    dirs.extend(fixed.iter().map(PathBuf::from));
    dirs
}

fn config_home(world: &dyn World) -> Option<PathBuf> {
    let set = world.var_nonempty("XDG_CONFIG_HOME").map(PathBuf::from);
    set.or_else(|| Some(world.home()?.join(".config")))
}

/// The names of services that a person or an agent may have made: those of the distribution (`/usr/lib`) hold no keys
/// unless a drop-in adds one.
fn names(world: &dyn World, dirs: &[PathBuf]) -> Vec<String> {
    let own = dirs.iter().filter(|dir| !dir.starts_with("/usr/lib"));
    let names = own.flat_map(|dir| world.list(dir));
    let mut units: Vec<String> = names
        .filter_map(|name| {
            let unit = name.strip_suffix(".d").unwrap_or(&name);
            let service = unit.strip_suffix(".service")?;
            (!service.is_empty()).then(|| unit.to_owned())
        })
        .collect();
    units.sort();
    units.dedup();
    units
}

/// The files that make up a unit: the fragment, then the drop-ins in the order of their names.
fn files_of(world: &dyn World, dirs: &[PathBuf], unit: &str) -> Vec<PathBuf> {
    let fragment = dirs.iter().map(|dir| dir.join(unit)).find(|path| world.exists(path));
    let mut drop_ins: BTreeMap<String, PathBuf> = BTreeMap::new();
    let template = unit.split_once('@').map(|(stem, _)| format!("{stem}@.service"));
    // The strongest folder last, so that its files replace those of the same name.
    for dir in dirs.iter().rev() {
        for owner in ["service".to_owned(), template.clone().unwrap_or_default(), unit.to_owned()] {
            let folder = dir.join(format!("{owner}.d"));
            let names = if owner.is_empty() { vec![] } else { world.list(&folder) };
            for name in
                names.into_iter().filter(|name| Path::new(name).extension().is_some_and(|e| e == "conf"))
            {
                drop_ins.insert(name.clone(), folder.join(name));
            }
        }
    }
    fragment.into_iter().chain(drop_ins.into_values()).collect()
}

/// The files that an `EnvironmentFile=` names; a pattern is one in the last part of the path.
fn matching(world: &dyn World, path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
    let (Some((before, after)), Some(dir)) = (name.split_once('*'), path.parent()) else {
        return vec![path.to_owned()];
    };
    let fits =
        |entry: &String| entry.starts_with(before) && entry.ends_with(after) && entry.len() + 1 >= name.len();
    world.list(dir).into_iter().filter(fits).map(|entry| dir.join(entry)).collect()
}

/// `%h` and the other specifiers that mean folders and names; `%%` is a percent sign.
fn specifiers(world: &dyn World, scope: Scope, unit: &str, text: &str) -> String {
    let home = match scope {
        Scope::User => world.home().map(|home| home.display().to_string()).unwrap_or_default(),
        Scope::System => "/root".to_owned(),
    };
    let stem = unit.strip_suffix(".service").unwrap_or(unit);
    let room = Room::default();
    let mut out = room.filling();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, (c == '%').then(|| chars.next()).flatten()) {
            ('%', Some('%')) => out.own("%"),
            ('%', Some('h')) => out.refer(&home),
            ('%', Some('n')) => out.refer(unit),
            ('%', Some('N')) => out.refer(stem),
            ('%', Some('p')) => out.refer(stem.split('@').next().unwrap_or(stem)),
            ('%', Some('i')) => out.refer(stem.split_once('@').map_or("", |(_, instance)| instance)),
            ('%', Some('E')) if scope == Scope::User => {
                out.refer(&config_home(world).map(|dir| dir.display().to_string()).unwrap_or_default());
            }
            ('%', Some('E')) => out.refer("/etc"),
            (c, next) => {
                out.own_char(c);
                if let Some(next) = next {
                    out.own_char(next);
                }
            }
        }
    }
    out.done()
}

/// `environment.d`: read by the person's manager when it starts, in the order of the file names; later wins.
fn environment_d(world: &dyn World) -> Vec<EnvFile> {
    let mut files: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut dirs: Vec<PathBuf> = [
        "/usr/lib/environment.d",
        "/usr/local/lib/environment.d",
        "/run/environment.d",
        "/etc/environment.d",
    ]
    .iter()
    .map(PathBuf::from)
    .collect();
    dirs.extend(config_home(world).map(|config| config.join("environment.d")));
    for dir in dirs {
        for file in world
            .list(&dir)
            .into_iter()
            .filter(|file| Path::new(file).extension().is_some_and(|e| e == "conf"))
        {
            files.insert(file.clone(), dir.join(file));
        }
    }
    let mut env: BTreeMap<String, String> = BTreeMap::new();
    env.extend(world.home().map(|home| ("HOME".to_owned(), home.display().to_string())));
    let mut found = vec![];
    for file in files.into_values() {
        let state = world.read(&file);
        let Some(bytes) = state.bytes() else { continue };
        let parsed = dotenv::parse(Dialect::EnvironmentD, bytes, &env);
        found.push(EnvFile::new(&file, Dialect::EnvironmentD, &parsed, vec![]));
        env.extend(parsed.assignments.into_iter().map(|assignment| (assignment.name, assignment.value)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    const UNIT: &str =
        "[Service]\nEnvironment=K=one \"J=a b\"\nEnvironment=K=two\nEnvironmentFile=-%h/.gw/env\n";

    fn values(world: &MemoryWorld) -> Vec<(String, bool)> {
        find(world, "K").iter().map(|found| (found.value.sha256_hex(4), found.wins)).collect()
    }

    fn hash(text: &str) -> String {
        Secret::new(text).sha256_hex(4)
    }

    #[test]
    fn a_file_beats_the_unit_and_a_later_line_an_earlier_one() {
        let world = MemoryWorld::new("/home/ann")
            .with_file(".config/systemd/user/gw.service", UNIT)
            .with_file(".gw/env", "K=three\n");
        assert_eq!(values(&world), [(hash("one"), false), (hash("two"), false), (hash("three"), true)]);
        let found = find(&world, "K");
        assert_eq!((found[1].line, found[2].file.clone()), (3, PathBuf::from("/home/ann/.gw/env")));
        assert_eq!(found[0].lints[0].id, "key-in-unit");
    }

    #[test]
    fn drop_ins_are_read_after_the_unit_in_the_order_of_their_names() {
        let world = MemoryWorld::new("/home/ann")
            .with_file(".config/systemd/user/gw.service", UNIT)
            .with_file(".config/systemd/user/gw.service.d/20-b.conf", "[Service]\nEnvironment=K=four\n")
            .with_file(
                "/etc/systemd/user/gw.service.d/10-a.conf",
                "[Service]\nEnvironment=\nEnvironment=K=five\n",
            );
        assert_eq!(values(&world), [(hash("five"), false), (hash("four"), true)]);
    }

    #[test]
    fn unset_takes_it_away_and_export_lines_are_logged() {
        let world = MemoryWorld::new("/home/ann")
            .with_file(
                "/etc/systemd/system/gw.service",
                "[Service]\nEnvironmentFile=/etc/gw.env\nUnsetEnvironment=K\n",
            )
            .with_file("/etc/gw.env", "export K=x\nK=y\n");
        let found = find(&world, "K");
        assert!(!found[0].wins);
        assert_eq!(found[0].lints.iter().map(|lint| lint.id).collect::<Vec<_>>(), ["key-in-journal"]);
    }

    #[test]
    fn the_last_environment_d_file_wins() {
        let world = MemoryWorld::new("/home/ann")
            .with_file(".config/environment.d/10-a.conf", "BASE=x\nK=one\n")
            .with_file("/etc/environment.d/20-b.conf", "K=${BASE}two\n");
        assert_eq!(values(&world), [(hash("one"), false), (hash("xtwo"), true)]);
    }
}
