//! `auth.json`: pools, logins and suppressions (hermes-agent 0.19.0 `hermes_cli/auth.py` `_load_auth_store`,
//! `read_credential_pool`, `_load_provider_state`).

use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::Value as Json;

use super::environ::Shared;
use crate::agents::common::Doc;
use crate::source::{Format, Place, Pointer};
use crate::world::{Trouble, World};

/// The stores of one profile.
pub struct Store {
    own: Doc,
    root: Option<Rc<Doc>>,
}

/// A JSON object in a store and its place.
#[derive(Clone)]
pub struct Record {
    /// The object.
    pub json: Json,
    /// The file.
    pub file: PathBuf,
    /// Where in the file.
    pub pointer: Pointer,
}

impl Record {
    /// The place of one field.
    #[must_use]
    pub fn place(&self, field: &str) -> Place {
        Place::Field { file: self.file.clone(), format: Format::Json, pointer: self.pointer.join(field) }
    }

    /// A text field.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&str> {
        self.json.get(field)?.as_str()
    }
}

/// Reads the profile's store and the root's.
#[must_use]
pub fn load(world: &dyn World, home: &Path, root: Option<&Path>, shared: &Shared) -> Store {
    let read = |dir: &Path| {
        let mut doc = Doc::json(world, dir.join("auth.json"));
        let known = doc.root.get("providers").is_some_and(Json::is_object)
            || doc.root.get("credential_pool").is_some_and(Json::is_object);
        if !known {
            doc.root = Json::Null;
        }
        doc
    };
    Store { own: read(home), root: root.map(|root| shared.doc(&root.join("auth.json"), || read(root))) }
}

impl Store {
    /// Why the profile's store is treated as empty, if it is there and broken.
    #[must_use]
    pub fn trouble(&self) -> Option<(PathBuf, Trouble)> {
        self.own.trouble.clone().map(|trouble| (self.own.path.clone(), trouble))
    }

    /// The entries of a pool: the profile's, or the root's where the profile has none.
    #[must_use]
    pub fn pool(&self, provider: &str) -> Vec<Record> {
        let own = entries(&self.own, provider);
        if own.is_empty() {
            self.root.as_ref().map_or_else(Vec::new, |root| entries(root, provider))
        } else {
            own
        }
    }

    /// The names of all pools that have entries.
    #[must_use]
    pub fn pools(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for doc in [Some(&self.own), self.root.as_deref()].into_iter().flatten() {
            let pools = doc.root.get("credential_pool").and_then(Json::as_object);
            let filled = pools
                .into_iter()
                .flatten()
                .filter(|(_, list)| list.as_array().is_some_and(|l| !l.is_empty()));
            names.extend(filled.map(|(name, _)| name.clone()));
        }
        names.sort();
        names.dedup();
        names
    }

    /// The state of a login: the profile's, or the root's.
    #[must_use]
    pub fn state(&self, provider: &str) -> Option<Record> {
        [Some(&self.own), self.root.as_deref()].into_iter().flatten().find_map(|doc| {
            let json = doc.root.get("providers")?.get(provider).filter(|state| state.is_object())?;
            let pointer = Pointer::new(["providers", provider]);
            Some(Record { json: json.clone(), file: doc.path.clone(), pointer })
        })
    }

    /// The names of all logins.
    #[must_use]
    pub fn states(&self) -> Vec<String> {
        let all = [Some(&self.own), self.root.as_deref()].into_iter().flatten();
        all.filter_map(|doc| doc.root.get("providers")?.as_object())
            .flat_map(|map| map.keys().cloned())
            .collect()
    }

    /// Whether `hermes auth remove` has put this source to silence.
    #[must_use]
    pub fn is_suppressed(&self, provider: &str, source: &str) -> bool {
        let list = self.own.root.get("suppressed_sources").and_then(|all| all.get(provider));
        list.and_then(Json::as_array).is_some_and(|list| list.iter().any(|item| item == source))
    }

    /// The login that was made last.
    #[must_use]
    pub fn active_provider(&self) -> Option<&str> {
        self.own.root.get("active_provider")?.as_str().map(str::trim).filter(|name| !name.is_empty())
    }
}

fn entries(doc: &Doc, provider: &str) -> Vec<Record> {
    let list = doc.root.get("credential_pool").and_then(|pools| pools.get(provider)).and_then(Json::as_array);
    list.into_iter()
        .flatten()
        .enumerate()
        .map(|(at, entry)| Record {
            json: entry.clone(),
            file: doc.path.clone(),
            pointer: Pointer::new(["credential_pool", provider, &at.to_string()]),
        })
        .collect()
}
