//! Cline's VS Code extension: `secrets.json`, `providers.json`, and VS Code's sealed store.
//!
//! From cline/cline `cline-session-factory.ts` and `vscode-to-file-migration.ts`. The extension itself was not run on
//! record, so that its slots name the candidates and claim no more.

use std::path::PathBuf;

use crate::agents::cline::catalogue::Provider;
use crate::agents::cline::store::Store;
use crate::agents::common;
use crate::agents::engine::{Question, Request};
use crate::finding::Lint;
use crate::resolve::{Gives, Header, Offer};
use crate::source::{Place, Source, Value};
use crate::world::{Os, Table, TableState, World};

/// VS Code and its kin: the folder below the configuration, and the one with the extensions.
const EDITORS: &[(&str, &str)] = &[
    ("Code", ".vscode/extensions"),
    ("Code - Insiders", ".vscode-insiders/extensions"),
    ("VSCodium", ".vscode-oss/extensions"),
    ("Cursor", ".cursor/extensions"),
    ("Windsurf", ".windsurf/extensions"),
];

/// One editor's sealed store.
struct Sealed {
    editor: &'static str,
    rows: Vec<String>,
}

fn databases(world: &dyn World) -> Vec<(&'static str, PathBuf)> {
    let home = common::home(world);
    // VS Code's places (code.visualstudio.com/docs/configure/settings).
    let config = match world.os() {
        Os::Linux => home.join(".config"),
        Os::Macos => home.join("Library/Application Support"),
        Os::Windows => common::folder(world, "APPDATA", "AppData/Roaming"),
    };
    let roots = EDITORS.iter().map(|(name, _)| (*name, config.join(name)));
    let server = ("code-server", home.join(".local/share/code-server"));
    roots.chain([server]).map(|(name, root)| (name, root.join("User/globalStorage/state.vscdb"))).collect()
}

fn sealed(world: &dyn World) -> Vec<Sealed> {
    let read = |(editor, db): (&'static str, PathBuf)| {
        let table =
            Table { db, name: "ItemTable", key_column: "key", value_column: "value", live_when_null: None };
        let TableState::Rows(rows) = world.table(&table) else { return None };
        let own = |key: &String| key.starts_with("secret://") && key.contains("\"saoudrizwan.claude-dev\"");
        let rows: Vec<String> = rows.into_keys().filter(own).collect();
        (!rows.is_empty()).then_some(Sealed { editor, rows })
    };
    databases(world).into_iter().filter(|(_, db)| world.exists(db)).filter_map(read).collect()
}

/// The newest installed version, from the name of the extension's folder.
pub fn version(world: &dyn World) -> Option<String> {
    let home = common::home(world);
    let dirs = EDITORS.iter().map(|(_, dir)| home.join(dir));
    let names = dirs.flat_map(|dir| world.list(&dir));
    names.filter_map(|name| Some(common::printable(name.strip_prefix("saoudrizwan.claude-dev-")?))).max()
}

/// The extension: the sealed stores, and the provider in use.
pub struct Extension {
    sealed: Vec<Sealed>,
    used: Option<String>,
}

/// Its slots' profile.
pub const PROFILE: &str = "vscode";

impl Extension {
    /// The extension, where there is a trace of it.
    pub fn find(world: &dyn World, store: &Store) -> Option<Self> {
        let sealed = sealed(world);
        let present = !sealed.is_empty() || version(world).is_some();
        present.then(|| Self { sealed, used: store.modes().next() })
    }

    /// What there is for a provider.
    pub fn ask(&self, provider: &Provider, store: &Store) -> Question {
        let filed = store.secrets.text(&[provider.secret]).filter(|text| !text.trim().is_empty());
        let value = Value::of(filed);
        let why = "the extension takes secrets.json first";
        let mut offers =
            vec![Offer::usable(Source::AuthFile, store.secrets.place(&[provider.secret]), value, why)];
        if let Some(key) = store.stored(provider.id).and_then(|entry| entry.key) {
            let value = Value::of(Some(key.text));
            offers.push(Offer::usable(Source::AuthFile, key.place, value, "secrets.json has no key for it"));
        }
        for offer in &mut offers {
            if matches!(offer.gives, Gives::Key(_)) {
                offer.gives = Gives::Unknown(UNKNOWN.to_owned());
            }
        }
        let name = format!("\"key\":\"{}\"", provider.secret);
        for found in self.sealed.iter().filter(|found| found.rows.iter().any(|row| row.contains(&name))) {
            let place = Place::Sealed { what: format!("{}'s secret storage: present, sealed", found.editor) };
            let why = "VS Code keeps it sealed; see Cline's settings there";
            offers.push(Offer::usable(Source::SecretStore, place, Value::Sealed, why));
        }
        let request = Request::new(Header::Bearer, provider.base, "the extension has no key here");
        Question {
            profile: PROFILE.to_owned(),
            provider: provider.catalogue.map(str::to_owned),
            in_use: self.used.as_deref() == Some(provider.id),
            lints: differs(provider, store, filed).into_iter().collect(),
            ..Question::new(provider.id, offers, request)
        }
    }
}

const UNKNOWN: &str =
    "the extension was not recorded; by its source it takes secrets.json, then providers.json";

/// The CLI takes providers.json first, the extension secrets.json.
fn differs(provider: &Provider, store: &Store, filed: Option<&str>) -> Option<Lint> {
    let stored = store.stored(provider.id)?.key?;
    let message = "secrets.json and providers.json hold two different keys: the extension and the CLI send different ones";
    (filed? != stored.text).then(|| Lint::warn("two-stores", message))
}

/// The places where the extension's presence shows.
pub fn traces(world: &dyn World) -> Option<String> {
    let version = version(world)?;
    Some(format!("VS Code extension {version}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::{Context, cline};
    use crate::provider::Catalogue;
    use crate::resolve::Outcome;
    use crate::world::MemoryWorld;

    #[test]
    fn a_sealed_key_is_present_and_nothing_more() {
        let row = "secret://{\"extensionId\":\"saoudrizwan.claude-dev\",\"key\":\"openRouterApiKey\"}";
        let world = MemoryWorld::new("/h").with_row(
            ".config/Code/User/globalStorage/state.vscdb",
            "ItemTable",
            row,
            "{\"type\":\"Buffer\",\"data\":[1]}",
        );
        let catalogue = Catalogue::embedded();
        let found = cline::AGENT.scan(&Context { world: &world, catalogue: &catalogue }).unwrap();
        let slots: Vec<_> = found.slots.iter().filter(|slot| slot.profile == PROFILE).collect();
        assert_eq!(slots.len(), 1);
        assert!(matches!(slots[0].outcome, Outcome::Hidden { .. }));
        assert_eq!(slots[0].candidates[1].value, Value::Sealed);
    }

    #[test]
    fn each_system_keeps_the_editors_store_in_its_own_folder() {
        let row = "secret://{\"extensionId\":\"saoudrizwan.claude-dev\",\"key\":\"openRouterApiKey\"}";
        let found = |os, folder: &str| {
            let db = format!("{folder}/Code/User/globalStorage/state.vscdb");
            let world = MemoryWorld::new("/h").on(os).with_var("APPDATA", "/h/AppData/Roaming");
            !sealed(&world.with_row(db, "ItemTable", row, "{}")).is_empty()
        };
        assert!(found(Os::Linux, ".config") && !found(Os::Linux, "Library/Application Support"));
        assert!(found(Os::Macos, "Library/Application Support") && !found(Os::Macos, ".config"));
        assert!(found(Os::Windows, "AppData/Roaming") && !found(Os::Windows, ".config"));
    }
}
