//! opencode's account file.

use serde_json::Value as Json;

use crate::agents::common::{self, Doc};
use crate::source::Place;
use crate::world::World;

/// What an account is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A key.
    Api,
    /// An OAuth login.
    Oauth,
}

/// The accounts: `auth.json`, or the variable that replaces it as a whole.
pub struct Accounts {
    /// `auth.json`.
    pub doc: Doc,
    /// The content of `OPENCODE_AUTH_CONTENT`.
    replaced: Option<Doc>,
}

/// One account.
pub struct Account {
    /// What it is.
    pub kind: Kind,
    /// The key or the access token.
    pub text: String,
    /// Where that is.
    pub place: Place,
}

impl Accounts {
    /// Reads them. A broken file is treated as empty.
    pub fn read(world: &dyn World) -> Self {
        let folder = common::folder(world, "XDG_DATA_HOME", ".local/share").join("opencode");
        let doc = Doc::json(world, folder.join("auth.json"));
        let replaced = world.var_nonempty("OPENCODE_AUTH_CONTENT");
        Self { doc, replaced: replaced.map(|text| Doc::text_of("OPENCODE_AUTH_CONTENT", text, false)) }
    }

    /// The variable is set and takes the file's place.
    pub fn is_replaced(&self) -> bool {
        self.replaced.is_some()
    }

    /// The variable is set and cannot be read.
    pub fn is_unclear(&self) -> bool {
        self.replaced.as_ref().is_some_and(|doc| doc.trouble.is_some())
    }

    /// The account of a provider in use.
    pub fn get(&self, id: &str) -> Option<Account> {
        match &self.replaced {
            Some(doc) => account(doc, id)
                .map(|one| Account { place: common::env_place("OPENCODE_AUTH_CONTENT"), ..one }),
            None => account(&self.doc, id),
        }
    }

    /// The account of a provider in the file, whether it is in use or not.
    pub fn in_file(&self, id: &str) -> Option<Account> {
        account(&self.doc, id)
    }

    /// The providers that have an account in use.
    pub fn providers(&self) -> Vec<String> {
        let doc = self.replaced.as_ref().unwrap_or(&self.doc);
        doc.entries(&[]).map(|(id, _)| id.clone()).filter(|id| self.get(id).is_some()).collect()
    }

    /// An account names a remote configuration, which keymend does not fetch.
    pub fn has_remote(&self) -> bool {
        let doc = self.replaced.as_ref().unwrap_or(&self.doc);
        doc.entries(&[]).any(|(_, entry)| entry.get("type").and_then(Json::as_str) == Some("wellknown"))
    }
}

/// An entry that is complete; opencode drops any other one alone.
fn account(doc: &Doc, id: &str) -> Option<Account> {
    match doc.text(&[id, "type"])? {
        "api" => Some(Account {
            kind: Kind::Api,
            text: doc.text(&[id, "key"])?.to_owned(),
            place: doc.place(&[id, "key"]),
        }),
        "oauth" => {
            doc.text(&[id, "refresh"])?;
            doc.at(&[id, "expires"])?.as_f64()?;
            Some(Account {
                kind: Kind::Oauth,
                text: doc.text(&[id, "access"])?.to_owned(),
                place: doc.place(&[id, "access"]),
            })
        }
        _ => None,
    }
}
