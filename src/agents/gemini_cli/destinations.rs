//! Where a new key for Gemini CLI can be written.

use serde_json::json;

use crate::agents::{Context, engine};
use crate::destination::{Destination, Neighbour, Set, Switch};
use crate::resolve::Slot;
use crate::source::{Place, Source, Value, tilde};

use super::Gemini;
use super::decide::Type;
use super::settings::Settings;

/// The places for a new key, best first: where the present one is, then the `.env` file that is read.
pub fn of(gemini: &Gemini<'_>, slot: &Slot) -> Vec<Destination> {
    let Gemini { world, settings, environment, .. } = gemini;
    let stored = slot.active_candidate().filter(|active| {
        matches!(active.source, Source::Dotenv | Source::Keyring | Source::SecretStore)
            && !matches!(active.place, Place::Keyring { .. } | Place::File { .. })
    });
    let mut all: Vec<Destination> = stored.map(engine::replacing).into_iter().collect();
    let name = if gemini.kind == Type::Vertex { "GOOGLE_API_KEY" } else { "GEMINI_API_KEY" };
    let own = settings.folder.join(".env");
    let file = environment.file.clone().unwrap_or_else(|| own.clone());
    let place = environment.destination(&file, name);
    let beside = match slot.active_candidate() {
        Some(active) if active.value == Value::Sealed => {
            ", which goes before its sealed store; /auth in Gemini CLI changes the store itself"
        }
        _ => "",
    };
    if all.iter().all(|one| one.place != place) {
        all.push(Destination {
            place,
            effect: format!("sets {name} in the one .env file that Gemini CLI reads here{beside}"),
            neighbours: selection(gemini),
        });
    }
    // The person's own file, where a project's file is the one that is read here.
    if file != own {
        let read_here = tilde(&file, world.home());
        all.push(Destination {
            place: environment.destination(&own, name),
            effect: format!("sets {name} for all other folders; here {read_here} takes precedence"),
            neighbours: selection(gemini),
        });
    }
    all
}

/// The authentication type is the choice between a key and the Google login.
pub fn switch(context: &Context<'_>, slot: &Slot, n: usize) -> Vec<Switch> {
    let settings = Settings::read(context.world);
    let Some(candidate) = slot.candidates.get(n) else { return Vec::new() };
    let kind = match (&candidate.place, candidate.source) {
        (_, Source::Oauth) => "oauth-personal",
        (Place::Env { name } | Place::Line { name, .. }, _) if name == "GOOGLE_API_KEY" => "vertex-ai",
        _ if candidate.name.as_deref() == Some("Google login") => "oauth-personal",
        _ => "gemini-api-key",
    };
    let steps = ["security", "auth", "selectedType"];
    let decides = settings.get(&steps).map(|(doc, _)| doc.place(&steps));
    let mut places = vec![settings.user.place(&steps)];
    places.extend(decides.filter(|place| *place != settings.user.place(&steps)));
    let switch = |place: Place| {
        let effect = format!("selects the authentication type {kind}");
        let why = effect.clone();
        Switch { effect, neighbours: vec![Neighbour { place, set: Set::Json(json!(kind)), why }] }
    };
    let usable = settings.user.trouble.is_none();
    places.into_iter().filter(|_| usable).map(switch).collect()
}

/// A key is used only where its type is selected; a login that a setting selects is unselected along.
fn selection(gemini: &Gemini<'_>) -> Vec<Neighbour> {
    let steps = ["security", "auth", "selectedType"];
    let Some((doc, value)) = gemini.settings.get(&steps) else { return Vec::new() };
    let wanted = if gemini.kind == Type::Vertex { "vertex-ai" } else { "gemini-api-key" };
    if value.as_str() == Some(wanted) {
        return Vec::new();
    }
    let why = "selects the key; the setting now selects another authentication type".to_owned();
    vec![Neighbour { place: doc.place(&steps), set: Set::Json(json!(wanted)), why }]
}
