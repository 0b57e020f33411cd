//! Where one key is: every place once, however many slots read it; what a new key would do there; and the copies
//! that no agent reads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{KeyView, Scan, SlotRef};
use crate::agents::Context;
use crate::destination::Destination;
use crate::hygiene;
use crate::plan;
use crate::provider::{Catalogue, Provider};
use crate::resolve::{Candidate, Slot};
use crate::secret::Secret;
use crate::source::{Dialect, Place};
use crate::world::{FileState, Process, World};

/// One physical place of a key, and the slots that read it.
pub struct Spot<'a> {
    /// The candidate as the first slot sees it.
    pub candidate: &'a Candidate,
    /// The slots that have it among their candidates.
    pub slots: Vec<(SlotRef, &'a Slot, usize)>,
}

impl Spot<'_> {
    /// The same after a try in memory: a value can be written in a way that keymend does not rewrite.
    pub fn tried(&self, world: &dyn World, catalogue: &Catalogue) -> Result<&'static str, String> {
        let words = self.change()?;
        let Some(old) = self.candidate.value.secret() else { return Ok(words) };
        match plan::changeable(world, catalogue, &self.candidate.place, old) {
            Ok(()) => Ok(words),
            Err(plan::PlanError::Edit { cause, .. }) => Err(cause.to_string()),
            Err(plan::PlanError::NotWritable { why, .. }) => Err(why),
            Err(plan::PlanError::Unreadable { trouble, .. }) => Err(trouble.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The provider whose key belongs here, where it is another company's than `of`: a new key of `of` is none of its.
    #[must_use]
    pub fn stranger<'b>(&self, catalogue: &'b Catalogue, of: Option<&str>) -> Option<&'b Provider> {
        let mut others = Vec::new();
        for (_, slot, _) in &self.slots {
            match slot.provider.as_deref().and_then(|id| catalogue.get(id)) {
                Some(provider) if of.is_some_and(|of| company(provider) != of) => others.push(provider),
                _ => return None,
            }
        }
        others.first().copied()
    }

    /// What a new key here would change, or why keymend does not write here.
    pub fn change(&self) -> Result<&'static str, String> {
        let words = write_there(&self.candidate.place)?;
        let mut readers =
            self.slots.iter().filter_map(|(_, slot, at)| Some((*slot, slot.candidates.get(*at)?)));
        readers.find_map(|(slot, candidate)| plan::refusal(slot, candidate)).map_or(Ok(words), Err)
    }
}

impl Scan {
    /// The company that a key belongs to: by its form, else the one it is sent to, else the first that it is kept for.
    #[must_use]
    pub fn company<'a>(&self, catalogue: &'a Catalogue, view: &KeyView) -> Option<&'a str> {
        if let Some(named) = catalogue.recognise(&view.key).best() {
            return catalogue.get(&named.provider.id).map(company);
        }
        let slots = || view.places.iter().filter_map(|(at, index)| Some((self.slot(*at)?, *index)));
        let sent = slots().find(|(slot, index)| slot.active == Some(*index) && slot.provider.is_some());
        let (slot, _) = sent.or_else(|| slots().find(|(slot, _)| slot.provider.is_some()))?;
        catalogue.get(slot.provider.as_deref()?).map(company)
    }

    /// The places of a key, each once.
    #[must_use]
    pub fn spots(&self, view: &KeyView) -> Vec<Spot<'_>> {
        let mut out: Vec<Spot<'_>> = Vec::new();
        for (at, index) in &view.places {
            let Some(slot) = self.slot(*at) else { continue };
            let Some(candidate) = slot.candidates.get(*index) else { continue };
            // Two readers of one file may each see the line in their own dialect.
            match out.iter_mut().find(|spot| spot.candidate.place.same_spot(&candidate.place)) {
                Some(spot) => spot.slots.push((*at, slot, *index)),
                None => out.push(Spot { candidate, slots: vec![(*at, slot, *index)] }),
            }
        }
        out
    }

    /// The entry of a key.
    #[must_use]
    pub fn view(&self, key: &Secret) -> Option<&KeyView> {
        self.keys.iter().find(|view| view.key == *key)
    }
}

/// Why a place that is kept for another company stays as it is.
#[must_use]
pub fn stranger_words(other: &Provider) -> String {
    format!("a key of {} belongs here, of another company", other.name)
}

/// The company of a provider: all of its regions and plans.
#[must_use]
pub fn company(provider: &Provider) -> &str {
    provider.family.as_deref().unwrap_or(&provider.id)
}

/// What a new key at this place would change, or why keymend cannot write there.
const fn write_there(place: &Place) -> Result<&'static str, &'static str> {
    match place {
        Place::Line { .. } => Ok("replaces the value in this line"),
        Place::Field { .. } => Ok("replaces the value of this field"),
        Place::Cell { .. } => Ok("replaces the value in the database"),
        Place::File { .. } => Ok("replaces the content of this file"),
        Place::Keyring { .. } | Place::KeyringField { .. } => Ok("replaces the keyring entry"),
        Place::SealedField { .. } => Ok("replaces the value in the encrypted store"),
        Place::Env { .. } => Err("was set before keymend started; change it where it is set"),
        Place::Command { .. } => Err("a program prints it; change it there"),
        Place::BuiltIn { .. } => Err("built into the agent"),
        Place::Sealed { .. } => Err("sealed by its owner; change it there"),
    }
}

/// What a new key would do at each place of each key, in the words of the agents that name it as a destination (the
/// effect, and what changes along), or why it cannot be changed there.
#[must_use]
pub fn effects(
    world: &dyn World,
    catalogue: &Catalogue,
    scan: &Scan,
) -> Vec<(Place, Result<String, String>)> {
    let context = Context { world, catalogue };
    let named: Vec<Destination> =
        scan.slots().flat_map(|(_, agent, slot)| (agent.destinations)(&context, slot)).collect();
    let mut out: Vec<(Place, Result<String, String>)> = Vec::new();
    for spot in scan.keys.iter().flat_map(|view| scan.spots(view)) {
        let place = &spot.candidate.place;
        let own = named.iter().find(|destination| destination.place.same_spot(place));
        let effect = spot.tried(world, catalogue).map(|words| match own {
            Some(own) => {
                let along = own.neighbours.iter().map(|one| one.why.as_str());
                std::iter::once(own.effect.as_str()).chain(along).collect::<Vec<_>>().join("; ")
            }
            None => words.to_owned(),
        });
        out.push((place.clone(), effect));
    }
    out
}

/// What has to happen after a change at a place outside of the agents' own files, before anything started sees it.
#[must_use]
pub fn afterwards(place: &Place) -> Option<String> {
    let file = place.file()?;
    let name = file.file_name()?.to_string_lossy().into_owned();
    let in_units = file.components().any(|part| part.as_os_str() == "systemd");
    match place {
        Place::Line {
            name: variable,
            dialect: Dialect::Bash | Dialect::Sh | Dialect::Zsh | Dialect::Fish,
            ..
        } => Some(format!(
            "shell start-up files: a new terminal reads them; open ones, and tmux until `tmux set-environment -gu \
             {variable}`, keep the old value"
        )),
        Place::Line { dialect: Dialect::EnvironmentD, .. } => {
            Some(format!("{name}: `systemctl --user daemon-reload`, then restart what was started with it"))
        }
        Place::Line { dialect: Dialect::SystemdEnvFile, .. } if in_units => {
            let unit = unit_of(file).unwrap_or_else(|| "the unit".to_owned());
            let user = if file.starts_with("/etc") || file.starts_with("/usr") { "" } else { "--user " };
            Some(format!("{name}: `systemctl {user}daemon-reload`, then `systemctl {user}restart {unit}`"))
        }
        Place::Field { .. } if name.contains("compose") => Some(format!(
            "{name}: `docker compose up -d` makes the container anew; a restart alone keeps the old value"
        )),
        _ => None,
    }
}

/// The unit that a unit file or a drop-in belongs to.
fn unit_of(file: &Path) -> Option<String> {
    let named = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let dropped = named(file.parent()?).and_then(|folder| folder.strip_suffix(".d").map(ToOwned::to_owned));
    dropped.or_else(|| named(file)).filter(|name| name.ends_with(".service"))
}

/// Larger files are no copies of a key file.
const MAX_COPY_BYTES: u64 = 4 * 1024 * 1024;
/// How the names of copies end that editors, tools and the agents themselves leave.
const ENDS: [&str; 9] = ["~", ".bak", ".orig", ".old", ".save", ".swp", ".backup", ".tmp", ".copy"];
/// What is inside the names of numbered or dated copies.
const PARTS: [&str; 6] = [".bak.", ".bak-", ".backup.", ".backup-", ".corrupt", ".old."];
/// Where shells and interpreters keep what was typed, under the home folder.
const TYPED: [&str; 6] = [
    ".bash_history",
    ".zsh_history",
    ".local/share/fish/fish_history",
    ".python_history",
    ".node_repl_history",
    ".config/nushell/history.txt",
];

/// Where people set variables, under the home folder.
const AT_START: [&str; 10] = [
    ".bashrc",
    ".bash_profile",
    ".bash_aliases",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".zprofile",
    ".config/fish/config.fish",
    ".env",
    ".envrc",
];

/// Where a person's own services are defined, under the home folder.
const UNITS: [&str; 2] = [".config/systemd/user", ".config/environment.d"];

/// Files that hold `key` and that no agent reads: copies beside the files of the scan's candidates, and what shells
/// remember. They are named and never changed.
#[must_use]
pub fn copies(world: &dyn World, scan: &Scan, sought: &Sought) -> Vec<PathBuf> {
    let candidates = scan.slots().flat_map(|(_, _, slot)| &slot.candidates);
    let read: BTreeSet<&Path> = candidates.filter_map(|candidate| candidate.place.file()).collect();
    let folders: BTreeSet<&Path> = read.iter().filter_map(|file| file.parent()).collect();
    let beside = folders.into_iter().flat_map(|folder| {
        let names = world.list(folder).into_iter().filter(|name| is_copy(name));
        names.map(|name| folder.join(name)).collect::<Vec<_>>()
    });
    let typed = world.home().into_iter().flat_map(|home| TYPED.map(|name| home.join(name)));
    let all: BTreeSet<PathBuf> = beside.chain(typed).filter(|path| !read.contains(path.as_path())).collect();
    all.into_iter().filter(|path| bytes_with(&world.read(path), sought).is_some()).collect()
}

/// A key that is looked for where it should not be any more.
#[derive(Debug)]
pub struct Sought {
    /// The key; of one that was run together from several, those too.
    keys: Vec<Secret>,
    /// Whole keys that hold it as a part: what is found inside of them is another key.
    longer: Vec<Secret>,
}

impl Sought {
    /// `old` and what it is run together from, without `new`.
    #[must_use]
    pub fn new(catalogue: &Catalogue, scan: &Scan, old: &Secret, new: &Secret) -> Self {
        let parts = hygiene::parts(old, catalogue).into_iter();
        let keys: Vec<Secret> = std::iter::once(old.clone()).chain(parts).filter(|key| key != new).collect();
        let whole = scan.keys.iter().map(|view| &view.key).filter(|key| hygiene::is_whole(key, catalogue));
        let longer =
            whole.chain([new]).filter(|other| keys.iter().any(|key| *other != key && other.holds(key)));
        Self { longer: longer.cloned().collect(), keys }
    }

    /// Whether it is in `bytes`.
    #[must_use]
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        self.keys.iter().any(|key| key.is_found_in(bytes, &self.longer))
    }

    /// Whether it is in `text`.
    #[must_use]
    pub fn is_part_of(&self, text: &Secret) -> bool {
        self.keys.iter().any(|key| key.is_part_of(text, &self.longer))
    }

    /// Whether `text` is the key itself.
    #[must_use]
    pub fn is(&self, text: &Secret) -> bool {
        self.keys.contains(text)
    }
}

/// The running programs of this home that were started with the key in their environment.
#[must_use]
pub fn processes(world: &dyn World, sought: &Sought) -> Vec<String> {
    let of_home = |env: &BTreeMap<String, String>| {
        env.get("HOME").is_some_and(|home| world.home() == Some(Path::new(home)))
    };
    let holds = |process: &Process| {
        let env = process.env.as_ref().filter(|env| of_home(env));
        env.is_some_and(|env| env.values().any(|value| sought.is_in(value.as_bytes())))
    };
    let name = |process: &Process| {
        let program = process.args.first().map(String::as_str).unwrap_or_default();
        let program = program.rsplit('/').next().unwrap_or_default().trim_start_matches('-');
        format!("{} (pid {})", crate::agents::common::printable(program), process.pid)
    };
    world.processes("").iter().filter(|process| holds(process)).map(name).collect()
}

/// Texts that hold the key as a part, at places that agents read.
#[must_use]
pub fn inside<'a>(scan: &'a Scan, sought: &Sought) -> Vec<&'a Place> {
    let mut out: Vec<&Place> = Vec::new();
    for candidate in scan.slots().flat_map(|(_, _, slot)| &slot.candidates) {
        let holds = candidate.value.secret().is_some_and(|text| !sought.is(text) && sought.is_part_of(text));
        let known = out.iter().any(|other| other.same_spot(&candidate.place));
        if holds && !known && !matches!(candidate.place, Place::BuiltIn { .. }) {
            out.push(&candidate.place);
        }
    }
    out
}

/// Files that agents read and that hold `key` where none of them finds it as its own: in another variable, a comment, a
/// command line. With the one-based lines.
#[must_use]
pub fn elsewhere(
    world: &dyn World,
    scan: &Scan,
    named: &[&Place],
    sought: &Sought,
) -> Vec<(PathBuf, Vec<usize>)> {
    let candidates = scan.slots().flat_map(|(_, _, slot)| &slot.candidates);
    let files = candidates.filter(|one| !matches!(one.place, Place::Cell { .. }));
    let start = world.home().into_iter().flat_map(|home| {
        let units = UNITS.map(|name| home.join(name)).into_iter();
        let units = units.flat_map(|folder| {
            world.list(&folder).into_iter().map(move |name| folder.join(name)).collect::<Vec<_>>()
        });
        AT_START.map(|name| home.join(name)).into_iter().chain(units).collect::<Vec<_>>()
    });
    let files: BTreeSet<PathBuf> =
        files.filter_map(|one| one.place.file().map(Path::to_path_buf)).chain(start).collect();
    let lines_of = |file: PathBuf| {
        let here: Vec<&&Place> = named.iter().filter(|place| place.file() == Some(&file)).collect();
        let line = |place: &&&Place| match place {
            Place::Line { line, .. } => *line,
            _ => None,
        };
        let told: Vec<usize> = here.iter().filter_map(line).collect();
        // In which line a field of a structured file is, is not known here.
        (told.len() == here.len())
            .then(|| lines_with(world, &file, sought, &told))
            .flatten()
            .map(|lines| (file, lines))
    };
    files.into_iter().filter_map(lines_of).collect()
}

/// The lines of `file` that hold the key beside those that were `told`; none if there is none.
fn lines_with(world: &dyn World, file: &Path, sought: &Sought, told: &[usize]) -> Option<Vec<usize>> {
    let state = world.read(file);
    let bytes = bytes_with(&state, sought)?;
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    let lines =
        lines.filter(|(at, line)| !told.contains(&(at + 1)) && sought.is_in(line)).map(|(at, _)| at + 1);
    Some(lines.collect()).filter(|lines: &Vec<usize>| !lines.is_empty())
}

fn is_copy(name: &str) -> bool {
    ENDS.iter().any(|end| name.ends_with(end))
        || PARTS.iter().any(|part| name.contains(part))
        || (name.starts_with('#') && name.ends_with('#'))
        || name.starts_with(".#")
}

/// The content of a file, where it is no larger than a key file may be and holds the key.
fn bytes_with<'a>(state: &'a FileState, sought: &Sought) -> Option<&'a [u8]> {
    state.bytes().filter(|bytes| bytes.len() as u64 <= MAX_COPY_BYTES && sought.is_in(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    const KEY: &str = "sk-or-v1-FAKE0123456789abcdef0123456789abcdef0123456789abcdef01234567";

    fn sought(scan: &Scan) -> Sought {
        Sought::new(&Catalogue::embedded(), scan, &Secret::new(KEY), &Secret::new("another"))
    }

    #[test]
    fn copies_are_found_beside_the_files_and_in_what_was_typed() {
        let line = format!("OPENROUTER_API_KEY={KEY}\n");
        let world = MemoryWorld::new("/home/ann")
            .with_file(".hermes/.env", &line)
            .with_file(".hermes/.env.bak", &line)
            .with_file(".hermes/.env.bak.1", "OPENROUTER_API_KEY=another\n")
            .with_file(".hermes/config.yaml", "model:\n  provider: openrouter\n")
            .with_file(".hermes/notes.txt", &line)
            .with_file(".bash_history", format!("export {line}"));
        let scan = crate::session::scan_all(&world, &Catalogue::embedded());
        let found = copies(&world, &scan, &sought(&scan));
        assert_eq!(found, [PathBuf::from("/home/ann/.bash_history"), "/home/ann/.hermes/.env.bak".into()]);
    }

    #[test]
    fn what_is_to_be_done_afterwards_is_told_by_the_place() {
        let line = |file: &str, dialect| Place::Line {
            file: file.into(),
            line: Some(1),
            name: "K".to_owned(),
            dialect,
        };
        let told = |place: Place| afterwards(&place).unwrap_or_default();
        let drop_in = "/home/ann/.config/systemd/user/gw.service.d/key.conf";
        let system = "/etc/systemd/system/gw.service";
        assert!(told(line(drop_in, Dialect::SystemdEnvFile)).contains("systemctl --user restart gw.service"));
        assert!(told(line(system, Dialect::SystemdEnvFile)).contains("systemctl restart gw.service"));
        assert!(told(line("/home/ann/.bashrc", Dialect::Bash)).contains("tmux set-environment -gu K"));
        assert_eq!(told(line("/home/ann/.hermes/.env", Dialect::SystemdEnvFile)), "");
        let field = |file: &str| Place::Field {
            file: file.into(),
            format: crate::source::Format::Yaml,
            pointer: crate::source::Pointer::default(),
        };
        assert!(told(field("/srv/docker-compose.yml")).contains("docker compose up -d"));
        assert_eq!(told(field("/home/ann/.aider.conf.yml")), "");
    }

    #[test]
    fn a_key_is_found_in_a_file_where_no_agent_takes_it_for_its_own() {
        let world = MemoryWorld::new("/home/ann")
            .with_file(".hermes/.env", format!("OPENROUTER_API_KEY=new\nMINE={KEY}\n# {KEY}\n"))
            .with_file(".hermes/config.yaml", "model:\n  provider: openrouter\n")
            .with_file(".profile", format!("alias ai='KEY={KEY} ai'\n"));
        let scan = crate::session::scan_all(&world, &Catalogue::embedded());
        let found = elsewhere(&world, &scan, &[], &sought(&scan));
        let of = |file: &str, lines: &[usize]| (PathBuf::from(file), lines.to_vec());
        assert_eq!(found, [of("/home/ann/.hermes/.env", &[2, 3]), of("/home/ann/.profile", &[1])]);
    }

    #[test]
    fn a_name_tells_a_copy() {
        for name in [".env~", "openclaw.json.bak", "auth.json.bak.2", "#.env#", ".#.env", "x.backup-20260101"]
        {
            assert!(is_copy(name), "{name}");
        }
        for name in [".env", "auth.json", "backup.json", ".env.example"] {
            assert!(!is_copy(name), "{name}");
        }
    }
}
