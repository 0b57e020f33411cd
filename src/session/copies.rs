//! Copies beside a file that cannot be parsed, is empty or is gone: what an agent, an editor or a person kept of it before.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::agents::Findings;
use crate::finding::{Lint, Severity};
use crate::provider::{Catalogue, Fit};
use crate::resolve::Outcome;
use crate::secret::Secret;
use crate::source::tilde;
use crate::world::{Trouble, World};

/// Names the newest whole copy beside each damaged file; and, where the agent sends nothing, a copy with a key beside a
/// file that is gone.
pub(super) fn tell(world: &dyn World, catalogue: &Catalogue, findings: &mut Findings, gone: &[PathBuf]) {
    let nothing = |outcome: &Outcome| matches!(outcome, Outcome::Nothing { .. });
    let silent = findings.slots.iter().any(|slot| slot.in_use && nothing(&slot.outcome))
        || (findings.slots.is_empty() && !findings.found.is_empty());
    let damaged = findings.troubles.iter().filter(|(_, trouble)| matches!(trouble, Trouble::Syntax(_)));
    let shown = |path: &Path| tilde(path, world.home());
    let mut lints: Vec<Lint> = Vec::new();
    let mut folders = Folders { world, names: BTreeMap::new() };
    for (file, copy) in damaged.filter_map(|(file, _)| Some((file, folders.beside(file)?))) {
        let keys = keys_in(world, catalogue, &copy);
        let severity = if silent && !keys.is_empty() { Severity::Warn } else { Severity::Note };
        let words = format!(
            "{} is an older copy of {}, and whole{}: compare the two, and take what is missing",
            shown(&copy),
            shown(file),
            with(&keys)
        );
        lints.push(Lint::of("backup-beside", severity, words));
    }
    let at_home = |file: &&PathBuf| silent && world.home().is_some_and(|home| file.starts_with(home));
    let mut seen: BTreeSet<&Path> = BTreeSet::new();
    for file in gone.iter().filter(at_home) {
        if !seen.insert(file) {
            continue;
        }
        let Some(copy) = folders.beside(file) else { continue };
        let keys = keys_in(world, catalogue, &copy);
        if !keys.is_empty() {
            let (file, copy) = (shown(file), shown(&copy));
            let words =
                format!("{file} is gone or empty, and {copy} is a copy of it{}: put it back", with(&keys));
            lints.push(Lint::warn("backup-beside", words));
        }
    }
    findings.lints.extend(lints);
}

fn with(keys: &[&str]) -> String {
    if keys.is_empty() { String::new() } else { format!(", with a key of {}", keys.join(" and ")) }
}

/// The providers of which a file has keys, by the keys' forms.
fn keys_in<'a>(world: &dyn World, catalogue: &'a Catalogue, file: &Path) -> Vec<&'a str> {
    /// A store of keys is smaller; what is larger is not searched.
    const MOST: usize = 1_000_000;
    /// A shorter beginning is that of many words.
    const TELLS: usize = 6;
    let state = world.read(file);
    let text = state.text().filter(|text| text.len() <= MOST).unwrap_or_default();
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "_-.".contains(c)));
    let mut found: Vec<&str> = Vec::new();
    for word in words.filter(|word| word.len() >= 20) {
        let recognised = catalogue.recognise(&Secret::new(word));
        let best = recognised.best().filter(|best| best.fit == Fit::Exact || best.prefix.len() >= TELLS);
        let Some(name) = best.and_then(|best| catalogue.get(&best.provider.id)).map(|own| own.name.as_str())
        else {
            continue;
        };
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// The folders that were looked into. Ten thousand profiles ask for ten thousand files of one folder: it is listed once,
/// and the names that begin like a file's are next to each other.
struct Folders<'a> {
    world: &'a dyn World,
    names: BTreeMap<PathBuf, BTreeSet<String>>,
}

impl Folders<'_> {
    /// The newest copy of `file` in its folder that can be read.
    fn beside(&mut self, file: &Path) -> Option<PathBuf> {
        const MARKS: [&str; 9] =
            ["backup", "bak", "orig", "old", "save", "clobbered", "last-good", "rejected", "~"];
        let name = file.file_name()?.to_str()?;
        let folder = file.parent()?;
        let world = self.world;
        let names =
            self.names.entry(folder.to_owned()).or_insert_with(|| world.list(folder).into_iter().collect());
        let is_copy = |other: &&String| {
            // What OpenClaw has moved into its database does nothing in its old place, or stops the agent.
            !other.contains("migrated")
                && !other.contains("import")
                && MARKS.iter().any(|mark| other[name.len()..].contains(mark))
        };
        let json = Path::new(name).extension().is_some_and(|end| end == "json");
        let whole = |copy: PathBuf| {
            let state = world.read(&copy);
            let text = state.text()?.trim();
            let parses = !json || serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            (parses && !text.is_empty()).then_some((state.meta()?.mtime_ms, copy))
        };
        let alike = names.range(name.to_owned()..).take_while(|other| other.starts_with(name));
        alike.filter(is_copy).map(|name| folder.join(name)).filter_map(whole).max().map(|(_, copy)| copy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents;
    use crate::session;
    use crate::world::MemoryWorld;

    #[test]
    fn the_newest_whole_copy_is_named() {
        let mut world = MemoryWorld::new("/h");
        world.now_ms = 1;
        let mut world = world.with_file("a.json", "{\"k").with_file("a.json.bak", "{\"k\": 1}");
        world.now_ms = 2;
        let world = world.with_file("a.json.backup.2", "{}").with_file("b.json.bak", "{}");
        let beside =
            |world: &MemoryWorld, file: &Path| Folders { world, names: BTreeMap::new() }.beside(file);
        assert_eq!(beside(&world, Path::new("/h/a.json")), Some("/h/a.json.backup.2".into()));
        let damaged = MemoryWorld::new("/h").with_file("a.json", "{").with_file("a.json.bak", "{\"k");
        assert_eq!(beside(&damaged, Path::new("/h/a.json")), None);
    }

    #[test]
    fn a_copy_with_a_key_beside_a_file_that_is_gone_is_named_where_nothing_is_sent() {
        let env = format!("ANTHROPIC_API_KEY=sk-ant-api03-FAKE{}AA\n", "a".repeat(89));
        let config = "model:\n  provider: anthropic\n";
        let said = |world: MemoryWorld| {
            let hermes = agents::find("hermes").unwrap();
            let scan = session::scan(&world, &Catalogue::embedded(), &[hermes]);
            let lints = &scan.agents[0].findings.lints;
            let own = lints.iter().filter(|lint| lint.id == "backup-beside");
            own.map(|lint| lint.message.clone()).collect::<Vec<_>>()
        };
        let home = || MemoryWorld::new("/h").with_file(".hermes/config.yaml", config);
        let copy = || home().with_file(".hermes/.env.bak", &env);
        assert_eq!(
            said(copy()),
            [
                "~/.hermes/.env is gone or empty, and ~/.hermes/.env.bak is a copy of it, with a key of Anthropic: put it back"
            ]
        );
        assert_eq!(said(copy().with_file(".hermes/.env", "")).len(), 1);
        assert!(said(copy().with_file(".hermes/.env", &env)).is_empty());
        assert!(said(home().with_file(".hermes/.env.bak", "A=1\n")).is_empty());
    }
}
