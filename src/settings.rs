//! The person's own settings: `<config>/keymend/keymend.toml`. Every line may be left out.
//!
//! ```toml
//! [history]
//! days = 30       # backups hold old keys; older ones are removed
//! actions = 20    # of more than this, the oldest are removed
//!
//! [clipboard]
//! clear = true    # after a write, when it still holds the key that was written
//! ```

use std::path::PathBuf;

use serde::Deserialize;

use crate::host::journal::Keep;
use crate::host::owner;
use crate::world::World;

/// What the person set, the usual values elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long backups are kept.
    pub keep: Keep,
    /// The clipboard is emptied after a write, when it still holds the key.
    pub clear_clipboard: bool,
    /// Why the file, or a line of it, does not count.
    pub troubles: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { keep: Keep::default(), clear_clipboard: true, troubles: Vec::new() }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    history: History,
    clipboard: Clipboard,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct History {
    days: Option<u32>,
    actions: Option<usize>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Clipboard {
    clear: Option<bool>,
}

/// keymend's own folder of settings: `$XDG_CONFIG_HOME/keymend`, else `~/.config/keymend`.
#[must_use]
pub fn folder(world: &dyn World) -> Option<PathBuf> {
    let config = world.var_nonempty("XDG_CONFIG_HOME").map(PathBuf::from);
    Some(config.or_else(|| Some(world.home()?.join(".config")))?.join("keymend"))
}

impl Settings {
    /// Reads the file. What is wrong in it is told and does not count; `KEYMEND_KEEP_CLIPBOARD` switches the clearing
    /// of the clipboard off as well.
    #[must_use]
    pub fn of(world: &dyn World) -> Self {
        let mut settings = Self::default();
        if let Some(path) = folder(world).map(|folder| folder.join("keymend.toml")) {
            let state = world.read(&path);
            let trouble = |why: String| format!("{}: {why}; the usual settings hold", path.display());
            let other = state.meta().map(|meta| meta.uid).filter(|uid| !owner::is_trusted(*uid));
            match (state.text().map(toml::from_str::<File>), state.trouble()) {
                _ if other.is_some() => {
                    settings.troubles.push(trouble("it belongs to another user".to_owned()));
                }
                (Some(Ok(file)), _) => settings.take(&file, &trouble),
                // The reader's whole message quotes the file; its first line says what is wrong.
                (Some(Err(error)), _) => settings.troubles.push(trouble(error.message().to_owned())),
                (None, Some(why)) => settings.troubles.push(trouble(why.to_string())),
                (None, None) => {}
            }
        }
        settings.clear_clipboard &= world.var_nonempty("KEYMEND_KEEP_CLIPBOARD").is_none();
        settings
    }

    fn take(&mut self, file: &File, trouble: &dyn Fn(String) -> String) {
        match file.history.days {
            Some(0) => self.troubles.push(trouble("history.days must be 1 or more".to_owned())),
            days => self.keep.days = days.unwrap_or(self.keep.days),
        }
        match file.history.actions {
            Some(0) => self.troubles.push(trouble("history.actions must be 1 or more".to_owned())),
            actions => self.keep.actions = actions.unwrap_or(self.keep.actions),
        }
        self.clear_clipboard = file.clipboard.clear.unwrap_or(self.clear_clipboard);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    fn read(text: &str) -> Settings {
        let world = MemoryWorld::new("/home/ann").with_file(".config/keymend/keymend.toml", text);
        Settings::of(&world)
    }

    #[test]
    fn every_line_may_be_left_out() {
        assert_eq!(Settings::of(&MemoryWorld::new("/home/ann")), Settings::default());
        let settings = read("[history]\ndays = 7\n");
        assert_eq!(settings.keep, Keep { days: 7, ..Keep::default() });
        assert!(settings.clear_clipboard && settings.troubles.is_empty());
        assert!(!read("[clipboard]\nclear = false\n").clear_clipboard);
    }

    #[test]
    fn what_is_wrong_is_told_and_does_not_count() {
        for text in
            ["[history]\ndays = 0\n", "[history]\nweeks = 3\n", "history = \n", "[history]\nactions = -1\n"]
        {
            let settings = read(text);
            assert_eq!(settings.keep, Keep::default(), "{text}");
            assert_eq!(settings.troubles.len(), 1, "{text}: {:?}", settings.troubles);
        }
    }

    #[test]
    fn a_variable_keeps_the_clipboard() {
        let world = MemoryWorld::new("/home/ann").with_var("KEYMEND_KEEP_CLIPBOARD", "1");
        assert!(!Settings::of(&world).clear_clipboard);
    }
}
