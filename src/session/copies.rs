//! Copies beside a file that cannot be parsed: what an agent, an editor or a person kept of it before it was damaged.

use std::path::{Path, PathBuf};

use crate::agents::Findings;
use crate::finding::Lint;
use crate::source::tilde;
use crate::world::{Trouble, World};

/// Names the newest whole copy beside each damaged file.
pub(super) fn tell(world: &dyn World, findings: &mut Findings) {
    let damaged = findings.troubles.iter().filter(|(_, trouble)| matches!(trouble, Trouble::Syntax(_)));
    let copies = damaged.filter_map(|(file, _)| Some((file, beside(world, file)?)));
    let lints: Vec<Lint> = copies
        .map(|(file, copy)| {
            let (file, copy) = (tilde(file, world.home()), tilde(&copy, world.home()));
            let words = format!(
                "{copy} is an older copy of {file}, and whole: compare the two, and take what is missing"
            );
            Lint::note("copy-beside", words)
        })
        .collect();
    findings.lints.extend(lints);
}

/// The newest copy of `file` in its folder that can be read.
fn beside(world: &dyn World, file: &Path) -> Option<PathBuf> {
    const MARKS: [&str; 9] =
        ["backup", "bak", "orig", "old", "save", "clobbered", "last-good", "rejected", "~"];
    let name = file.file_name()?.to_str()?;
    let folder = file.parent()?;
    let is_copy = |other: &String| {
        other.strip_prefix(name).is_some_and(|rest| MARKS.iter().any(|mark| rest.contains(mark)))
    };
    let json = Path::new(name).extension().is_some_and(|end| end == "json");
    let whole = |copy: PathBuf| {
        let state = world.read(&copy);
        let text = state.text()?.trim();
        let parses = !json || serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        (parses && !text.is_empty()).then_some((state.meta()?.mtime_ms, copy))
    };
    let copies = world.list(folder).into_iter().filter(is_copy).map(|name| folder.join(name));
    copies.filter_map(whole).max().map(|(_, copy)| copy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    #[test]
    fn the_newest_whole_copy_is_named() {
        let mut world = MemoryWorld::new("/h");
        world.now_ms = 1;
        let mut world = world.with_file("a.json", "{\"k").with_file("a.json.bak", "{\"k\": 1}");
        world.now_ms = 2;
        let world = world.with_file("a.json.backup.2", "{}").with_file("b.json.bak", "{}");
        assert_eq!(beside(&world, Path::new("/h/a.json")), Some("/h/a.json.backup.2".into()));
        let damaged = MemoryWorld::new("/h").with_file("a.json", "{").with_file("a.json.bak", "{\"k");
        assert_eq!(beside(&damaged, Path::new("/h/a.json")), None);
    }
}
