//! Where a new key for Claude Code can be written.

use crate::agents::common::Doc;
use crate::agents::{Context, engine};
use crate::destination::{Destination, Neighbour, Set, Switch};
use crate::resolve::{Candidate, Slot, State};
use crate::secret::Secret;
use crate::source::{Place, Source};
use crate::world::World;

use super::settings::Settings;

/// The places for a new key, best first: where the present one is, then the person's own settings file.
pub fn of(world: &dyn World, settings: &Settings, slot: &Slot) -> Vec<Destination> {
    let active = slot.active_candidate();
    let stored = active.filter(|candidate| is_key(candidate.source, &candidate.place));
    let replacing = stored.map(|candidate| Destination {
        neighbours: approval(settings, &candidate.place, candidate.value.secret()),
        ..engine::replacing(candidate)
    });
    let mut all: Vec<Destination> = replacing.into_iter().collect();
    let user = Doc::none(settings.folder.join("settings.json"));
    let usable = settings.takes(&user.path);
    let named = active.and_then(|candidate| variable_of(&candidate.place));
    // A key does not belong into a login's variable, and ANTHROPIC_API_KEY beats it.
    let name = named.filter(|name| !name.contains("OAUTH")).unwrap_or("ANTHROPIC_API_KEY");
    if name == "ANTHROPIC_CUSTOM_HEADERS" {
        // The key is among other headers in one variable, which only the person can take apart.
        return all;
    }
    let place = user.place(&["env", name]);
    let strongest =
        settings.variable(world, name).into_iter().next().filter(|found| found.source == Source::Config);
    if let Some(found) = strongest.filter(|found| found.place != place)
        && all.iter().all(|one| one.place != found.place)
    {
        let effect = format!("sets {name} in the settings file that decides here, also before your own");
        let neighbours = approval(settings, &found.place, None);
        all.push(Destination { place: found.place, effect, neighbours });
    }
    if usable && all.iter().all(|one| one.place != place) {
        let effect = format!("sets {name} in your settings, which beats the one in the shell");
        let neighbours = approval(settings, &place, None);
        all.push(Destination { place, effect, neighbours });
    }
    let token = user.place(&["env", TOKEN]);
    if usable && all.iter().all(|one| one.place != token) {
        let effect = format!("sets {TOKEN} in your settings, for the token of `claude setup-token`");
        all.push(Destination { place: token, effect, neighbours: Vec::new() });
    }
    all
}

/// The variable of a login's token.
const TOKEN: &str = "CLAUDE_CODE_OAUTH_TOKEN";

/// The choices that make candidate `n` the one that is sent: a key is approved, a variable of the shell that comes
/// before it is blanked in the person's own settings.
pub fn switch(context: &Context<'_>, slot: &Slot, n: usize) -> Vec<Switch> {
    let settings = Settings::read(context.world);
    let user = Doc::none(settings.folder.join("settings.json"));
    let Some(wanted) = slot.candidates.get(n) else { return Vec::new() };
    let mut approved = Vec::new();
    if let Some(key) =
        wanted.value.secret().filter(|_| variable_of(&wanted.place) == Some("ANTHROPIC_API_KEY"))
    {
        approved = approval(&settings, &wanted.place, None);
        let tail = key.tail(super::settings::TAIL);
        let rejected = settings.answers("rejected");
        if rejected.contains(&tail) {
            approved.push(Neighbour {
                place: settings.state.place(&["customApiKeyResponses", "rejected"]),
                set: Set::ListWithout { list: rejected, item: tail },
                why: "takes back the no to this key".to_owned(),
            });
        }
    }
    let blank = |candidate: &Candidate| {
        let name = variable_of(&candidate.place).filter(|_| candidate.source == Source::Env)?;
        let sent = matches!(candidate.state, State::Active { .. }) && candidate.place != wanted.place;
        (sent && settings.takes(&user.path)).then(|| Neighbour {
            place: user.place(&["env", name]),
            set: Set::Json(String::new().into()),
            why: format!("an empty {name} in the settings hides the one of the shell from Claude Code"),
        })
    };
    let blanked: Vec<Neighbour> = slot.candidates.iter().filter_map(blank).collect();
    let both = approved.iter().chain(&blanked).cloned().collect();
    let switch = |neighbours: Vec<Neighbour>, effect: &str| Switch { effect: effect.to_owned(), neighbours };
    let all = [
        switch(approved, "approves the key for sessions in a terminal"),
        switch(blanked, "hides the shell's variable from Claude Code"),
        switch(both, "approves the key and hides the shell's variable from Claude Code"),
    ];
    all.into_iter().filter(|switch| !switch.neighbours.is_empty()).collect()
}

/// A place that holds a bare key which the editor can replace.
fn is_key(source: Source, place: &Place) -> bool {
    let headers = variable_of(place) == Some("ANTHROPIC_CUSTOM_HEADERS");
    let key = matches!(source, Source::Config | Source::AuthFile | Source::Keyring);
    key && !headers && matches!(place, Place::Field { .. } | Place::Keyring { .. })
}

/// The variable that a place sets, in the environment or in an `env` block.
fn variable_of(place: &Place) -> Option<&str> {
    match place {
        Place::Env { name } => Some(name),
        Place::Field { pointer, .. } => match pointer.0.as_slice() {
            [block, name] if block == "env" => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// A session in a terminal uses a key from the environment only when its end is among the approved ones. Print mode
/// does not ask, yet the person who sets a key for it will open a session as well.
fn approval(settings: &Settings, place: &Place, old: Option<&Secret>) -> Vec<Neighbour> {
    if variable_of(place) != Some("ANTHROPIC_API_KEY") || settings.state.trouble.is_some() {
        return Vec::new();
    }
    // Where the person said no to the key that is there, the next one is asked about again.
    let rejected = settings.answers("rejected");
    if old.is_some_and(|old| rejected.contains(&old.tail(super::settings::TAIL))) {
        return Vec::new();
    }
    vec![Neighbour {
        place: settings.state.place(&["customApiKeyResponses", "approved"]),
        set: Set::ListWithTail { list: settings.answers("approved"), chars: super::settings::TAIL },
        why: "approves the new key for sessions in a terminal, which else keep using the login".to_owned(),
    }]
}
