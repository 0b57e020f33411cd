//! Where a new key for Goose can be written.

use crate::agents::Context;
use crate::destination::Destination;
use crate::resolve::Slot;
use crate::source::{Place, Pointer, Source};

use super::provider;
use super::secrets::{SERVICE, Secrets, Store, USER};
use super::settings::Settings;

/// The places for a new key, best first: where the present one stands, then the store of this machine.
pub fn destinations(context: &Context<'_>, slot: &Slot) -> Vec<Destination> {
    let world = context.world;
    let settings = Settings::read(world);
    let secrets = Secrets::read(world, &settings);
    let mut all = Vec::new();
    if let Some(active) = slot.active_candidate()
        && matches!(active.source, Source::Keyring | Source::AuthFile)
        && !matches!(active.place, Place::Keyring { .. })
    {
        let effect = "replaces the key that is sent now".to_owned();
        all.push(Destination { place: active.place.clone(), effect, neighbours: Vec::new() });
    }
    let providers =
        provider::custom(world, &settings).into_iter().chain(provider::built_in(world, &settings));
    let name =
        providers.into_iter().find(|provider| provider.id == slot.agent_provider).map(|found| found.key);
    let Some(name) = name.filter(|name| !name.is_empty()) else { return all };
    let place = match &secrets.store {
        Store::Keyring(_) => Place::KeyringField {
            service: SERVICE.to_owned(),
            user: USER.to_owned(),
            pointer: Pointer::new([name.as_str()]),
        },
        Store::Off | Store::Absent if secrets.file.trouble.is_none() => secrets.file.place(&[&name]),
        _ => return all,
    };
    if all.iter().all(|one| one.place != place) {
        let effect = format!("stores {name} where Goose looks after the environment");
        all.push(Destination { place, effect, neighbours: Vec::new() });
    }
    all
}
