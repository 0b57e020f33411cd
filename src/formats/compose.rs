//! What `docker compose` would give to a container: the compose files of the working directory, their `env_file`s,
//! and the project's `.env`, which feeds `${…}` and is not passed on by itself.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::formats::assignment::Parsed;
use crate::formats::bound::{self, Room};
use crate::formats::dotenv;
use crate::formats::dotenv::compose::interpolate;
use crate::formats::pyyaml::{self, Yaml};
use crate::secret::Secret;
use crate::source::{Dialect, Format, Place, Pointer};
use crate::world::World;

/// One place where a service gets a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The service.
    pub service: String,
    /// Where it is set.
    pub place: Place,
    /// The value, or none if compose refuses it.
    pub value: Option<Secret>,
    /// The value is made of `${…}`.
    pub interpolated: bool,
    /// It is the one that the container gets.
    pub wins: bool,
}

/// All places in compose files of the working directory that set a variable.
#[must_use]
pub fn find(world: &dyn World, name: &str) -> Vec<Setting> {
    Compose::look(world).find(world, name)
}

/// The compose files of the working directory, read once for many variables.
#[derive(Debug, Default)]
pub struct Compose {
    env: BTreeMap<String, String>,
    files: Vec<(PathBuf, Yaml)>,
    env_files: RefCell<BTreeMap<PathBuf, Option<Rc<Parsed>>>>,
}

impl Compose {
    /// Reads them.
    #[must_use]
    pub fn look(world: &dyn World) -> Self {
        let read = |file: PathBuf| {
            let root = pyyaml::load(world.read(&file).text()?).ok()?;
            Some((file, root))
        };
        let files: Vec<_> = files(world).into_iter().filter_map(read).collect();
        let env = if files.is_empty() { BTreeMap::new() } else { environment(world) };
        Self { env, files, env_files: RefCell::default() }
    }

    /// All places that set a variable.
    #[must_use]
    pub fn find(&self, world: &dyn World, name: &str) -> Vec<Setting> {
        find_in(&mut Project { world, compose: self, name, room: Room::default() })
    }

    /// The services, in the order of their names.
    #[must_use]
    pub fn services(&self) -> Vec<Service> {
        let mut all: BTreeMap<&str, Service> = BTreeMap::new();
        for (file, root) in &self.files {
            let entries = root.get("services").into_iter().flat_map(Yaml::entries);
            for (name, definition) in entries {
                let service = all.entry(name).or_insert_with(|| Service::new(name, file));
                service.take(definition, &self.env);
            }
        }
        all.into_values().collect()
    }

    fn env_file(&self, world: &dyn World, file: &Path) -> Option<Rc<Parsed>> {
        let mut known = self.env_files.borrow_mut();
        let read = || {
            let state = world.read(file);
            Some(Rc::new(dotenv::parse(Dialect::ComposeGo, state.bytes()?, &self.env)))
        };
        known.entry(file.to_owned()).or_insert_with(read).clone()
    }
}

/// A service as a whole: what it runs, what it sees of the host's files, and the variables that are not set here although
/// it is given them.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// The compose file.
    pub file: PathBuf,
    /// The image, and the words of its command.
    pub runs: Vec<String>,
    /// The sources of its volumes: paths of the host, or names.
    pub volumes: Vec<String>,
    /// Variables of the service, and the one of the host that each is made of, which is not set: the service gets an
    /// empty text, or none.
    pub unset: Vec<(String, String)>,
    /// It is built here, and the Dockerfile with which.
    pub build: Option<PathBuf>,
}

impl Service {
    fn new(name: &str, file: &Path) -> Self {
        let (name, file) = (name.to_owned(), file.to_owned());
        Self { name, file, runs: vec![], volumes: vec![], unset: vec![], build: None }
    }

    fn take(&mut self, definition: &Yaml, env: &BTreeMap<String, String>) {
        let texts = |key: &str| -> Vec<String> {
            let Some(node) = definition.get(key) else { return vec![] };
            let own = node.text().into_iter().flat_map(str::split_whitespace);
            own.chain(node.items().filter_map(Yaml::text)).map(ToOwned::to_owned).collect()
        };
        self.runs.extend(["image", "container_name", "command", "entrypoint"].into_iter().flat_map(texts));
        let volumes = definition.get("volumes").into_iter().flat_map(Yaml::items);
        self.volumes.extend(volumes.filter_map(|volume| {
            let short = volume.text().map(|text| text.split(':').next().unwrap_or_default());
            short.or_else(|| volume.get("source")?.text()).map(ToOwned::to_owned)
        }));
        let unset = |name: &String| !env.contains_key(name);
        for (name, value) in assigned(definition) {
            let missing = match value {
                None => Some(name.clone()).filter(unset),
                Some(text) => plain_references(&text).into_iter().find(unset),
            };
            self.unset.extend(missing.map(|other| (name, other)));
        }
        if let (Some(build), Some(dir)) = (definition.get("build"), self.file.parent()) {
            let context = build.text().or_else(|| build.get("context")?.text()).unwrap_or(".");
            let name = build.get("dockerfile").and_then(Yaml::text).unwrap_or("Dockerfile");
            self.build = Some(dir.join(context.trim_start_matches("./")).join(name));
        }
    }
}

/// The entries of a service's `environment`; no value where it is copied from the host.
fn assigned(definition: &Yaml) -> Vec<(String, Option<String>)> {
    let Some(environment) = definition.get("environment") else { return vec![] };
    let mapped = environment
        .entries()
        .map(|(name, value)| (name.clone(), value.as_str().filter(|_| !matches!(value, Yaml::Null))));
    let listed = environment.items().filter_map(Yaml::text).map(|text| match text.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (text.to_owned(), None),
    });
    mapped.chain(listed).collect()
}

/// The names of `${NAME}` and `$NAME` without a text for the case that the variable is not set.
fn plain_references(text: &str) -> Vec<String> {
    let mut names = vec![];
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('$') {
        rest = after;
        if let Some(escaped) = rest.strip_prefix('$') {
            rest = escaped;
            continue;
        }
        let braced = rest.strip_prefix('{');
        let body = braced.unwrap_or(rest);
        let end = body.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(body.len());
        let (name, tail) = body.split_at(end);
        if !name.is_empty() && (braced.is_none() || tail.starts_with('}')) {
            names.push(name.to_owned());
        }
    }
    names
}

fn find_in(project: &mut Project<'_>) -> Vec<Setting> {
    let compose = project.compose;
    let mut services: BTreeMap<String, Vec<Setting>> = BTreeMap::new();
    let mut direct: BTreeMap<String, Vec<Setting>> = BTreeMap::new();
    for (file, root) in &compose.files {
        let Some(all) = root.get("services") else { continue };
        for (service, definition) in all.entries() {
            services.entry(service.clone()).or_default().extend(project.env_files(file, service, definition));
            direct.entry(service.clone()).or_default().extend(project.environment(file, service, definition));
        }
    }
    // `environment` beats `env_file`, whichever file it is in; later files beat earlier ones.
    for (service, more) in direct {
        services.entry(service).or_default().extend(more);
    }
    for settings in services.values_mut() {
        if let Some(last) = settings.last_mut() {
            last.wins = true;
        }
    }
    services.into_values().flatten().collect()
}

/// The files that `docker compose` reads here: one of four names, and its override.
fn files(world: &dyn World) -> Vec<PathBuf> {
    let first =
        |names: &[&str]| names.iter().map(|name| world.cwd().join(name)).find(|path| world.exists(path));
    let main = first(&["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"]);
    let more = first(&[
        "compose.override.yaml",
        "compose.override.yml",
        "docker-compose.override.yml",
        "docker-compose.override.yaml",
    ]);
    let more = more.filter(|_| main.is_some());
    main.into_iter().chain(more).collect()
}

/// What `${…}` can mean: the project's `.env`, and the shell's variables over it.
fn environment(world: &dyn World) -> BTreeMap<String, String> {
    let state = world.read(&world.cwd().join(".env"));
    let parsed = state.bytes().map(|bytes| dotenv::parse(Dialect::ComposeGo, bytes, world.env()));
    let file =
        parsed.into_iter().flat_map(|parsed| parsed.assignments).map(|found| (found.name, found.value));
    let mut env: BTreeMap<String, String> = file.collect();
    env.extend(world.env().iter().map(|(name, value)| (name.clone(), value.clone())));
    env
}

struct Project<'a> {
    world: &'a dyn World,
    compose: &'a Compose,
    name: &'a str,
    room: Room,
}

impl Project<'_> {
    fn expand(&self, text: &str) -> Option<String> {
        let get = |name: &str| self.compose.env.get(name).map(String::as_str);
        interpolate(&self.room, text, &get).ok().filter(|text| !bound::is_too_long(text))
    }

    fn env_files(&mut self, compose: &Path, service: &str, definition: &Yaml) -> Vec<Setting> {
        let Some(list) = definition.get("env_file") else { return vec![] };
        let single = std::iter::once(list).filter(|_| list.text().is_some());
        let entries = single.chain(list.items());
        let paths = entries.filter_map(|entry| entry.text().or_else(|| entry.get("path")?.text()));
        let dir = compose.parent().unwrap_or(Path::new("/"));
        paths.filter_map(|path| self.env_file(&dir.join(self.expand(path)?), service)).collect()
    }

    fn env_file(&self, file: &Path, service: &str) -> Option<Setting> {
        let parsed = self.compose.env_file(self.world, file)?;
        let found = parsed.get(self.name)?;
        Some(Setting {
            service: service.to_owned(),
            place: Place::Line {
                file: file.to_owned(),
                line: Some(found.line),
                name: self.name.to_owned(),
                dialect: Dialect::ComposeGo,
            },
            value: Some(Secret::new(found.value.clone())),
            interpolated: false,
            wins: false,
        })
    }

    fn environment(&mut self, compose: &Path, service: &str, definition: &Yaml) -> Vec<Setting> {
        let Some(environment) = definition.get("environment") else { return vec![] };
        let setting = |key: &str, raw: Option<String>| {
            let (value, interpolated) = match raw {
                Some(raw) => (self.expand(&raw), raw.contains('$')),
                // A bare name is copied from the shell or the project's `.env`.
                None => (Some(self.compose.env.get(self.name)?.clone()), true),
            };
            Some(Setting {
                service: service.to_owned(),
                place: Place::Field {
                    file: compose.to_owned(),
                    format: Format::Yaml,
                    pointer: Pointer::new(["services", service, "environment", key]),
                },
                value: value.map(Secret::new),
                interpolated,
                wins: false,
            })
        };
        let mapped = environment.entries().filter(|(key, _)| key == self.name).filter_map(|(key, value)| {
            setting(key, if matches!(value, Yaml::Null) { None } else { value.as_str() })
        });
        let listed = environment.items().enumerate().filter_map(|(at, item)| {
            let text = item.text()?;
            let (key, value) =
                text.split_once('=').map_or((text, None), |(key, value)| (key, Some(value.to_owned())));
            if key == self.name { setting(&at.to_string(), value) } else { None }
        });
        mapped.chain(listed).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    #[test]
    fn environment_beats_env_file_and_the_shell_beats_dot_env() {
        let yaml = "services:\n  gw:\n    env_file: [a.env, b.env]\n    environment:\n      K: ${REAL:-none}\n  bot:\n    \
                    env_file: a.env\n    environment:\n      - J=1\n";
        let world = MemoryWorld::new("/home/ann")
            .with_var("REAL", "shell")
            .with_file("work/compose.yaml", yaml)
            .with_file("work/.env", "REAL=dot\n")
            .with_file("work/a.env", "K=a\n")
            .with_file("work/b.env", "K=b\n");
        let found: Vec<(String, String, bool)> = find(&world, "K")
            .into_iter()
            .map(|found| (found.service, found.value.unwrap().sha256_hex(4), found.wins))
            .collect();
        let hash = |text: &str| Secret::new(text).sha256_hex(4);
        assert_eq!(
            found,
            [
                ("bot".to_owned(), hash("a"), true),
                ("gw".to_owned(), hash("a"), false),
                ("gw".to_owned(), hash("b"), false),
                ("gw".to_owned(), hash("shell"), true),
            ]
        );
    }

    #[test]
    fn a_bare_name_is_copied() {
        let world = MemoryWorld::new("/home/ann")
            .with_file("work/docker-compose.yml", "services:\n  gw:\n    environment:\n      - K\n")
            .with_file("work/.env", "K=dot\n");
        let found = find(&world, "K");
        assert_eq!(found[0].place.show(None), "/home/ann/work/docker-compose.yml#/services/gw/environment/0");
        assert!(found[0].interpolated && found[0].value.as_ref().unwrap().is("dot"));
    }
}
