//! Where a new key for Gemini CLI can be written.

use serde_json::json;

use crate::agents::Context;
use crate::plan::{Destination, Neighbour, Set};
use crate::resolve::Slot;
use crate::source::{Place, Source, Value};

use super::environment;
use super::settings::Settings;

/// The places for a new key, best first: where the present one stands, then the `.env` file that is read.
pub fn destinations(context: &Context<'_>, slot: &Slot) -> Vec<Destination> {
    let world = context.world;
    let settings = Settings::read(world);
    let environment = environment::read(world, &settings);
    let mut all = Vec::new();
    if let Some(active) = slot.active_candidate()
        && matches!(active.source, Source::Dotenv | Source::Keyring | Source::SecretStore)
        && !matches!(active.place, Place::Keyring { .. } | Place::File { .. })
    {
        let effect = "replaces the key that is sent now".to_owned();
        all.push(Destination { place: active.place.clone(), effect, neighbours: Vec::new() });
    }
    let name = if slot.agent_provider == "vertex-ai" { "GOOGLE_API_KEY" } else { "GEMINI_API_KEY" };
    let file = environment.file.clone().unwrap_or_else(|| settings.folder.join(".env"));
    let place = environment.destination(world, &file, name);
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
            neighbours: selection(&settings, slot),
        });
    }
    all
}

/// A key counts only where its type is selected; a login that a setting selects is unselected along.
fn selection(settings: &Settings, slot: &Slot) -> Vec<Neighbour> {
    let steps = ["security", "auth", "selectedType"];
    let Some((doc, value)) = settings.get(&steps) else { return Vec::new() };
    let wanted = if slot.agent_provider == "vertex-ai" { "vertex-ai" } else { "gemini-api-key" };
    if value.as_str() == Some(wanted) {
        return Vec::new();
    }
    let why = "selects the key; the setting now selects another authentication type".to_owned();
    vec![Neighbour { place: doc.place(&steps), set: Set::Json(json!(wanted)), why }]
}
