//! Which folders are Hermes homes, and which one a start here would use (hermes-agent 0.19.0 `hermes_cli/main.py`
//! `_apply_profile_override`, `hermes_constants.py` `get_default_hermes_root`).

use std::path::{Path, PathBuf};

use crate::agents::common;
use crate::world::World;

/// One profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// The profile's name; `default` for the root.
    pub name: String,
    /// Its folder.
    pub dir: PathBuf,
    /// The root that its pools fall back to; none for the root itself.
    pub root: Option<PathBuf>,
    /// A start here uses this profile.
    pub current: bool,
}

/// All profiles, the current one first, and why none is current if that is so.
pub struct Homes {
    /// The profiles.
    pub all: Vec<Home>,
    /// The root folder.
    pub root: PathBuf,
    /// Why Hermes would refuse to start, if it would.
    pub refused: Option<String>,
}

/// Finds the profiles.
#[must_use]
pub fn find(world: &dyn World) -> Homes {
    let root = root(world);
    let (current, refused) = current(world, &root);
    let mut all = vec![home("default", root.clone(), None, current.as_deref())];
    let profiles = root.join("profiles");
    for name in world.list(&profiles).into_iter().filter(|name| is_name(name)) {
        let dir = profiles.join(&name);
        if world.is_folder(&dir) {
            all.push(home(&name, dir, Some(root.clone()), current.as_deref()));
        }
    }
    if let Some(dir) = current.as_ref().filter(|dir| all.iter().all(|home| home.dir != **dir)) {
        let name = dir.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        all.push(home(&common::printable(&name), dir.clone(), Some(root.clone()), current.as_deref()));
    }
    all.sort_by_key(|home| !home.current);
    Homes { all, root, refused }
}

fn home(name: &str, dir: PathBuf, root: Option<PathBuf>, current: Option<&Path>) -> Home {
    let current = current == Some(dir.as_path());
    Home { name: name.to_owned(), dir, root, current }
}

fn set_home(world: &dyn World) -> Option<PathBuf> {
    let text = world.var("HERMES_HOME")?.trim();
    (!text.is_empty()).then(|| world.cwd().join(text))
}

fn root(world: &dyn World) -> PathBuf {
    let native = common::home(world).join(".hermes");
    let Some(set) = set_home(world) else { return native };
    if set.starts_with(&native) {
        return native;
    }
    match profile_root(&set) {
        Some(root) => root.to_owned(),
        None => set,
    }
}

/// The root above `<root>/profiles/<name>`.
fn profile_root(dir: &Path) -> Option<&Path> {
    let parent = dir.parent()?;
    (parent.file_name()? == "profiles").then(|| parent.parent()).flatten()
}

fn current(world: &dyn World, root: &Path) -> (Option<PathBuf>, Option<String>) {
    let set = set_home(world);
    if let Some(set) = set.as_ref().filter(|set| profile_root(set).is_some()) {
        return (Some(set.clone()), None);
    }
    let sticky =
        if world.var_nonempty("HERMES_S6_SUPERVISED_CHILD").is_some() { None } else { sticky(world, root) };
    let Some(name) = sticky else { return (Some(set.unwrap_or_else(|| root.to_owned())), None) };
    let dir = root.join("profiles").join(&name);
    if is_name(&name) && world.is_folder(&dir) {
        return (Some(dir), None);
    }
    let name = common::printable(&name);
    (
        None,
        Some(format!(
            "~/.hermes/active_profile names {name:?}, and there is no such profile: Hermes refuses to start; \
             `hermes profile use default` goes back to the default one"
        )),
    )
}

/// The profile that `hermes profile use` chose.
fn sticky(world: &dyn World, root: &Path) -> Option<String> {
    let state = world.text(&root.join("active_profile"))?;
    let name = state.text()?.trim().to_lowercase();
    (!name.is_empty() && name != "default").then_some(name)
}

fn is_name(name: &str) -> bool {
    let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    name.len() <= 64
        && name.chars().all(rest)
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
}

/// The administrator's folder: `HERMES_MANAGED_DIR`, else `/etc/hermes`, or none if it does not exist.
#[must_use]
pub fn managed(world: &dyn World) -> Option<PathBuf> {
    let set = world.var("HERMES_MANAGED_DIR").map(str::trim).filter(|dir| !dir.is_empty());
    let dir = set.map_or_else(|| PathBuf::from("/etc/hermes"), |dir| world.cwd().join(dir));
    world.is_folder(&dir).then_some(dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    fn current_of(world: &MemoryWorld) -> Option<String> {
        find(world).all.into_iter().find(|home| home.current).map(|home| home.name)
    }

    fn two() -> MemoryWorld {
        MemoryWorld::new("/h").with_file(".hermes/.env", "").with_file(".hermes/profiles/work/.env", "")
    }

    #[test]
    fn the_sticky_profile_is_used_also_when_hermes_home_is_the_root() {
        assert_eq!(current_of(&two()).as_deref(), Some("default"));
        let sticky = two().with_file(".hermes/active_profile", "work\n");
        assert_eq!(current_of(&sticky).as_deref(), Some("work"));
        let root = two().with_file(".hermes/active_profile", "work").with_var("HERMES_HOME", "/h/.hermes");
        assert_eq!(current_of(&root).as_deref(), Some("work"));
        let other = two()
            .with_file(".hermes/active_profile", "work")
            .with_var("HERMES_HOME", "/h/.hermes/profiles/x");
        assert_eq!(current_of(&other).as_deref(), Some("x"));
    }

    #[test]
    fn a_sticky_profile_that_is_gone_stops_hermes() {
        let gone = two().with_file(".hermes/active_profile", "gone");
        assert_eq!(current_of(&gone), None);
        assert!(find(&gone).refused.is_some());
    }

    #[test]
    fn a_home_elsewhere_is_its_own_root() {
        let world = MemoryWorld::new("/h")
            .with_var("HERMES_HOME", "/opt/data")
            .with_file("/opt/data/profiles/a/.env", "");
        let homes = find(&world);
        assert_eq!(homes.root, Path::new("/opt/data"));
        assert_eq!(homes.all.len(), 2);
        let world = MemoryWorld::new("/h").with_var("HERMES_HOME", "/opt/data/profiles/a");
        assert_eq!(find(&world).root, Path::new("/opt/data"));
    }
}
