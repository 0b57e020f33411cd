//! The folder whose `settings.local.json` Claude Code takes: the root of the main repository around the working directory
//! (2.1.329, from the program's source and the recordings fj-h-cc-sub-*, fj-h3-cc-worktree, fj-h4-cc-wt-*).

use std::path::{Component, Path, PathBuf};

use crate::world::{Os, World};

/// The folder of the local settings; the working directory where it is in no repository, in one that is the home folder
/// itself, or in a worktree of a bare one.
pub fn local_folder(world: &dyn World) -> PathBuf {
    let cwd = world.cwd();
    // It asks whose the root is, which Windows does not tell it.
    if world.os() == Os::Windows {
        return cwd.to_path_buf();
    }
    let root = cwd.ancestors().find(|folder| world.exists(&folder.join(".git")));
    let main = root.map(|root| main_of(world, root).unwrap_or_else(|| root.to_path_buf()));
    // A bare repository has no `.git`, and Claude Code cannot tell whose it is (recording cc-g2-069).
    let taken = |main: &PathBuf| world.exists(&main.join(".git")) && !is_home(world, main);
    main.filter(taken).unwrap_or_else(|| cwd.to_path_buf())
}

/// The main repository of a linked worktree, or none if `root` is none.
fn main_of(world: &dyn World, root: &Path) -> Option<PathBuf> {
    let dot_git = root.join(".git");
    if world.is_folder(&dot_git) {
        return None;
    }
    let read = |path: &Path| Some(world.read(path).text()?.trim().to_owned());
    let pointer = read(&dot_git)?;
    let own = normal(&root.join(pointer.strip_prefix("gitdir:")?.trim()));
    let common = normal(&own.join(read(&own.join("commondir"))?));
    let back = normal(&own.join(read(&own.join("gitdir"))?));
    if own.parent()? != common.join("worktrees") || back != dot_git {
        return None;
    }
    if common.file_name().is_some_and(|name| name == ".git") {
        return common.parent().map(Path::to_path_buf);
    }
    // A bare repository is the root itself.
    (!world.exists(&common.join(".git"))).then_some(common)
}

/// Whether `root` is the home folder, also where links lead to it.
fn is_home(world: &dyn World, root: &Path) -> bool {
    let Some(home) = world.home() else { return false };
    let real = |folder: &Path| {
        let head = world.read(&folder.join(".git/HEAD"));
        head.meta().map(|meta| meta.real.clone())
    };
    home == root || real(home).is_some_and(|home| real(root) == Some(home))
}

/// `path` without `.` and `..`, by its text alone.
fn normal(path: &Path) -> PathBuf {
    let mut all = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                all.pop();
            }
            part => all.push(part),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    fn folder(cwd: &str, files: &[(&str, &str)]) -> String {
        let mut world =
            files.iter().fold(MemoryWorld::new("/h"), |world, (path, text)| world.with_file(path, text));
        world.cwd = cwd.into();
        local_folder(&world).to_string_lossy().into_owned()
    }

    #[test]
    fn it_is_the_root_of_the_main_repository() {
        let head = ("p/.git/HEAD", "ref: refs/heads/main\n");
        assert_eq!(folder("/h/p/a/b", &[head]), "/h/p");
        assert_eq!(folder("/h/p", &[head]), "/h/p");
        assert_eq!(folder("/h/q/a", &[head]), "/h/q/a", "no repository");
        assert_eq!(folder("/h/a", &[(".git/HEAD", "x")]), "/h/a", "the home folder");
        assert_eq!(folder("/h/q/a", &[("q/.git", "what is this")]), "/h/q", "any file");
        assert_eq!(folder("/h/q/a", &[("q/.git", "gitdir: ../p/.git/modules/q\n")]), "/h/q", "a submodule");
    }

    #[test]
    fn a_worktree_leads_to_its_main_repository() {
        let files = |main: &str, git: &str| {
            let own = format!("{main}/{git}worktrees/w");
            [
                ("w/.git".to_owned(), format!("gitdir: /h/{own}\n")),
                (format!("{own}/commondir"), "../..\n".to_owned()),
                (format!("{own}/gitdir"), "/h/w/.git\n".to_owned()),
            ]
        };
        let at = |files: &[(String, String); 3]| {
            let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
            folder("/h/w/a", &files)
        };
        assert_eq!(at(&files("p", ".git/")), "/h/p");
        assert_eq!(at(&files("bare.git", "")), "/h/w/a", "a bare repository");
        let mut other = files("p", ".git/");
        other[2].1 = "/h/elsewhere/.git\n".to_owned();
        assert_eq!(at(&other), "/h/w", "the repository does not know the worktree");
    }
}
