//! Every kind of finding, once: id, title, how much it matters, what it means and the way out.
//!
//! The table is `assets/findings.toml`. It is read when somebody asks what a finding means, and by the tests, which hold
//! that every finding raised is in it with a severity that it allows.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// How much a finding matters, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Worth knowing.
    Note,
    /// Likely to surprise.
    Risk,
    /// Requests fail, or a key is exposed.
    Broken,
}

impl Weight {
    /// The word in `--json` and on screen.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Risk => "risk",
            Self::Broken => "broken",
        }
    }
}

/// How much a lint matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Likely to surprise.
    Warn,
    /// The key cannot work like this.
    Fault,
}

impl Severity {
    /// The same in the registry's words.
    #[must_use]
    pub const fn weight(self) -> Weight {
        match self {
            Self::Note => Weight::Note,
            Self::Warn => Weight::Risk,
            Self::Fault => Weight::Broken,
        }
    }

    /// The stable identifier in `--json`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Fault => "fault",
        }
    }
}

/// A fault, its kind and its words. The message never holds any part of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// The kind, kebab-case and stable: `trailing-whitespace`, `wrong-provider`, `empty-hides`.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong and what it leads to, in one sentence.
    pub message: String,
}

/// The id of the lint of a slot whose program runs and would write over any change of its file; the message says the
/// way to change the key.
pub const OWNER_RUNS: &str = "owner-runs";

impl Lint {
    /// Every finding is in the registry with this severity; builds with debug assertions hold it.
    fn new(id: &'static str, severity: Severity, message: String) -> Self {
        debug_assert!(
            find(id).is_some_and(|kind| kind.id == id && kind.severity.contains(&severity.weight())),
            "assets/findings.toml has no {id} that is {severity:?}"
        );
        Self { id, severity, message }
    }

    /// The same finding with another severity: what is around it decides.
    pub fn weigh(&mut self, severity: Severity) {
        *self = Self::new(self.id, severity, std::mem::take(&mut self.message));
    }

    /// A lint whose severity the place decides.
    pub fn of(id: &'static str, severity: Severity, message: impl Into<String>) -> Self {
        Self::new(id, severity, message.into())
    }

    /// A lint worth knowing.
    pub fn note(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, Severity::Note, message.into())
    }

    /// A lint that is likely to surprise.
    pub fn warn(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, Severity::Warn, message.into())
    }

    /// A lint that means that the key cannot work like this.
    pub fn fault(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, Severity::Fault, message.into())
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.message)
    }
}

/// One way to make a finding go away. Its id is part of `--json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Another source of the same connection becomes the one that is sent.
    Use,
    /// The key is written without what was pasted around it.
    Clean,
    /// Of several keys in one value, the one that works stays.
    Split,
    /// A credential is taken away.
    Remove,
    /// The agent's waiting time for a key is ended.
    Unblock,
    /// A key of the same provider from elsewhere on this machine is put where the agent reads it.
    Adopt,
    /// A setting with which the agent does not start is corrected or taken out.
    Correct,
    /// A file is closed to other users.
    Tighten,
    /// What runs with an old key is started again.
    Restart,
    /// A key that only this shell has is put where the agent itself reads it.
    Store,
    /// git forgets the file.
    Untrack,
    /// The person signs in again.
    Login,
    /// The person adds credit; the key stays.
    Credit,
    /// The person waits.
    Wait,
    /// The person corrects the address.
    Address,
    /// The person looks at the key's rights.
    Permissions,
    /// The person agrees to the host.
    Agree,
    /// The person's own agent shows what it sends.
    Prove,
    /// A new key.
    NewKey,
}

impl Way {
    /// The stable identifier.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Use => "use",
            Self::Clean => "clean",
            Self::Split => "split",
            Self::Remove => "remove",
            Self::Unblock => "unblock",
            Self::Adopt => "adopt",
            Self::Correct => "correct",
            Self::Tighten => "tighten",
            Self::Restart => "restart",
            Self::Store => "store",
            Self::Untrack => "untrack",
            Self::Login => "login",
            Self::Credit => "credit",
            Self::Wait => "wait",
            Self::Address => "address",
            Self::Permissions => "permissions",
            Self::Agree => "agree",
            Self::Prove => "prove",
            Self::NewKey => "new-key",
        }
    }
}

/// A kind of finding.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// Kebab-case, part of `--json`, and never reused for something else.
    #[serde(skip_deserializing)]
    pub id: String,
    /// What is wrong, in a few words.
    pub title: String,
    /// The severities it is raised with: the place decides.
    pub severity: Vec<Weight>,
    /// What it means and the way out.
    pub text: String,
    /// Ids of earlier versions that mean the same.
    #[serde(default)]
    pub was: Vec<String>,
    /// What may help, the best first.
    #[serde(default)]
    pub remedies: Vec<Way>,
    /// The page of the documentation about it, where it is not the one of findings.
    #[serde(default, skip_serializing)]
    pub page: Option<String>,
}

impl Kind {
    /// The page of the documentation about it: `errors/two-keys-in-one`, `findings#bearer-doubled`.
    #[must_use]
    pub fn page(&self) -> String {
        self.page.clone().unwrap_or_else(|| format!("findings#{}", self.id))
    }
}

/// Made of `assets/findings.toml` by the build.
static KINDS: LazyLock<BTreeMap<String, Kind>> =
    LazyLock::new(|| read(include_str!(concat!(env!("OUT_DIR"), "/findings.json"))));

/// A table that is not well formed is empty; a test holds that it is the one of the TOML file.
fn read(json: &str) -> BTreeMap<String, Kind> {
    let kinds: BTreeMap<String, Kind> = serde_json::from_str(json).unwrap_or_default();
    kinds.into_iter().map(|(id, kind)| (id.clone(), Kind { id, ..kind })).collect()
}

/// All kinds, by id.
pub fn all() -> impl Iterator<Item = &'static Kind> {
    KINDS.values()
}

/// The kind with this id, or with it as an earlier one.
#[must_use]
pub fn find(id: &str) -> Option<&'static Kind> {
    KINDS.get(id).or_else(|| all().find(|kind| kind.was.iter().any(|was| was == id)))
}

/// The page `docs/findings.md`.
#[must_use]
pub fn markdown() -> String {
    let mut page =
        "# Findings\n\nWhat keymend can find, by id. `keymend explain --finding ID` prints the same.\n"
            .to_owned();
    for kind in all() {
        let severity: Vec<_> = kind.severity.iter().map(|weight| weight.id()).collect();
        let _ = write!(
            page,
            "\n## {}\n\n**{}** ({})\n\n{}\n",
            kind.id,
            kind.title,
            severity.join(" or "),
            kind.text
        );
        if !kind.remedies.is_empty() {
            let ways: Vec<_> = kind.remedies.iter().map(|way| way.id()).collect();
            let _ = write!(page, "\nWhat may help: {}.\n", ways.join(", "));
        }
        if let Some(more) = &kind.page {
            let _ = write!(page, "\n[More]({more}.md).\n");
        }
        if !kind.was.is_empty() {
            let _ = write!(page, "\nEarlier: `{}`.\n", kind.was.join("`, `"));
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_well_formed_and_written_for_people() {
        let table: toml::Table = toml::from_str(include_str!("../assets/findings.toml")).unwrap();
        assert!(table.keys().eq(KINDS.keys()), "the build has another table");
        for (id, entry) in table {
            let kind: Kind = entry.try_into().unwrap_or_else(|error| panic!("{id}: {error}"));
            assert!(id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{id}");
            assert_eq!(
                find(&id),
                Some(&Kind { id: id.clone(), ..kind.clone() }),
                "the build has another entry"
            );
            assert!(!kind.severity.is_empty(), "{id}: no severity");
            assert!(!kind.title.is_empty() && !kind.title.ends_with('.'), "{id}: a title is no sentence");
            assert!(kind.text.ends_with('.'), "{id}: a text is sentences");
        }
    }

    #[test]
    fn an_earlier_id_names_one_kind() {
        let mut seen = std::collections::BTreeSet::new();
        for kind in all() {
            for was in &kind.was {
                assert!(seen.insert(was), "{was} twice");
                assert!(!KINDS.contains_key(was), "{was} is an id of today");
            }
        }
        assert_eq!(find("world-readable").map(|kind| kind.id.as_str()), Some("readable-by-others"));
    }
}
