//! Candidates on their way into a chain, each with what it would send.

use super::credential::{Found, Material};
use super::order::Standing;
use super::store::Profile;
use super::{Site, lints};
use crate::resolve::{Chain, Offer};
use crate::source::{Source, Value};

/// Candidates with what each would send.
#[derive(Default)]
pub(super) struct Steps {
    /// The candidates, strongest first.
    pub chain: Chain,
    /// What each would send.
    pub materials: Vec<Option<Material>>,
    /// Why what follows does not win, in words.
    lead: Option<&'static str>,
}

impl Steps {
    /// Adds the next weaker candidate.
    pub(super) fn push(&mut self, offer: Offer, material: Option<Material>) {
        let offer = match self.lead {
            Some(words) => offer.shadowed_because(words),
            None => offer,
        };
        self.chain.push(offer);
        self.materials.push(material);
    }

    /// From here on a winner so far is spoken of in these words.
    pub(super) fn lead(&mut self, words: &'static str) {
        if self.lead.is_none() && self.chain.has_winner() {
            self.lead = Some(words);
        }
    }
}

/// Until when a profile waits, in words.
pub(super) fn waits(site: &Site<'_>, standing: &Standing) -> String {
    let Standing::Waiting { until, reason, disabled } = standing else { return "not usable".to_owned() };
    let minutes = (until - site.world.now_ms()).max(0) / 60_000;
    let span = match minutes {
        0..=119 => format!("{minutes} more minutes"),
        120..=2879 => format!("{} more hours", minutes / 60),
        _ => format!("{} more days", minutes / 1440),
    };
    let state = if *disabled { "disabled" } else { "in cooldown" };
    format!("{state} for {span} ({reason})")
}

/// A profile with what it would send: `Ok` why it leads, `Err` why it is not used.
pub(super) fn push_profile(steps: &mut Steps, profile: &Profile, found: Found, fate: Result<String, String>) {
    let Found { material, source, place, value, via } = found;
    let say =
        |why: String| via.as_ref().map_or_else(|| why.clone(), |via| format!("{why}; it refers to {via}"));
    let offer = match fate {
        Ok(why) => Offer::usable(source, place, value, say(why)),
        Err(why) => Offer::ignored(source, place, value, say(why)),
    };
    let offer = lints::of_profile(profile, offer);
    steps.push(offer.named(profile.id.clone()), Some(material));
}

pub(super) fn push_found(
    steps: &mut Steps,
    profile: &Profile,
    found: Result<Found, String>,
    fate: Result<String, String>,
) {
    match found {
        Ok(found) => push_profile(steps, profile, found, fate),
        Err(why) => {
            let place = profile.place(profile.secret_member());
            let reason = fate.err().unwrap_or_else(|| why.clone());
            let offer = Offer::ignored(Source::AuthProfile, place, Value::Reference(why), reason);
            steps.push(offer.named(profile.id.clone()), None);
        }
    }
}

pub(super) fn push_stop(steps: &mut Steps, profile: &Profile, found: Result<Found, String>, why: String) {
    let place = profile.place(profile.secret_member());
    let (place, value) = match found {
        Ok(found) => (found.place, found.value),
        Err(_) => (place, Value::Reference("no credential".to_owned())),
    };
    steps.push(Offer::stops(Source::AuthProfile, place, value, why).named(profile.id.clone()), None);
}

pub(super) fn push_configured(steps: &mut Steps, found: &Found, why: &str) {
    let Found { material, source, place, value, via } = found.clone();
    let why = via.as_ref().map_or_else(|| why.to_owned(), |via| format!("{why}; it refers to {via}"));
    let offer = Offer::usable(source, place, value, why);
    let offer = via.into_iter().fold(offer, Offer::named);
    steps.push(offer, Some(material));
}
