//! Where a new key for opencode can be written.

use serde_json::json;

use crate::agents::common::Doc;
use crate::agents::{Context, engine};
use crate::destination::{Destination, Neighbour, Set, Switch};
use crate::resolve::Slot;
use crate::source::{Place, Source};

use super::Opencode;
use super::config::Config;

/// The places for a new key, best first: where the present one is, the account file, the person's configuration.
pub fn of(opencode: &Opencode<'_>, id: &str, slot: &Slot) -> Vec<Destination> {
    let Opencode { world, config, accounts, .. } = opencode;
    let stored = slot.active_candidate().filter(|active| {
        let bare = matches!(active.source, Source::Config | Source::AuthFile | Source::SecretFile);
        let here = matches!(active.place, Place::Field { .. } | Place::File { .. });
        // A named candidate is a reference inside of a longer text; only what is alone is replaced.
        bare && here && (active.name.is_none() || active.source == Source::SecretFile)
    });
    let mut all: Vec<Destination> = stored.map(engine::replacing).into_iter().collect();
    if accounts.doc.trouble.is_none() && !accounts.is_replaced() {
        all.push(in_accounts(&accounts.doc, id));
    }
    let fresh = Doc::jsonc(*world, config.global.join("opencode.json"), true);
    let own = config.own_file().unwrap_or(&fresh);
    if own.trouble.is_none() {
        all.push(Destination {
            place: own.place(&["provider", id, "options", "apiKey"]),
            effect: "sets options.apiKey in your configuration, which beats every account".to_owned(),
            neighbours: Vec::new(),
        });
    }
    let mut seen: Vec<Place> = Vec::new();
    all.retain(|one| {
        !seen.contains(&one.place) && {
            seen.push(one.place.clone());
            true
        }
    });
    all
}

/// A variable is chosen by a reference in the person's configuration, an account by taking a setting away that comes
/// before it.
pub fn switch(context: &Context<'_>, slot: &Slot, n: usize) -> Vec<Switch> {
    let config = Config::read(context.world);
    let id = slot.agent_provider.as_str();
    let fresh = Doc::jsonc(context.world, config.global.join("opencode.json"), true);
    let own = config.own_file().unwrap_or(&fresh);
    let steps = ["provider", id, "options", "apiKey"];
    let place = own.place(&steps);
    let Some(candidate) = slot.candidates.get(n).filter(|_| own.trouble.is_none()) else { return Vec::new() };
    let (set, effect) = match (&candidate.place, candidate.source) {
        (Place::Env { name }, _) => {
            (Set::Json(json!(format!("{{env:{name}}}"))), format!("options.apiKey refers to {name}"))
        }
        (_, Source::AuthFile | Source::Oauth) if own.at(&steps).is_some() => {
            (Set::Remove, "takes options.apiKey away, which comes before the accounts".to_owned())
        }
        _ => return Vec::new(),
    };
    vec![Switch { neighbours: vec![Neighbour { place, set, why: effect.clone() }], effect }]
}

/// An account of the kind `api`, as `opencode auth login` writes it; a login that was there goes.
fn in_accounts(doc: &Doc, id: &str) -> Destination {
    let mut neighbours = Vec::new();
    if doc.text(&[id, "type"]) != Some("api") {
        let why = "an account that is a key has the type api".to_owned();
        neighbours.push(Neighbour { place: doc.place(&[id, "type"]), set: Set::Json(json!("api")), why });
        let login = ["refresh", "access", "expires", "accountId", "enterpriseUrl"];
        for field in login.into_iter().filter(|field| doc.at(&[id, field]).is_some()) {
            let why = "the login that was here does not apply to a key".to_owned();
            neighbours.push(Neighbour { place: doc.place(&[id, field]), set: Set::Remove, why });
        }
    }
    Destination {
        place: doc.place(&[id, "key"]),
        effect: "keeps the key in opencode's account file, which beats the environment".to_owned(),
        neighbours,
    }
}
