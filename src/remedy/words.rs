//! What remedies are called, and what the person is told to do where keymend must not.

use super::case::{Case, Forecast, Spare};
use crate::finding::Way;
use crate::plan::{Plan, SlotId};
use crate::resolve::{Candidate, Outcome, shown};
use crate::secret::Secret;
use crate::source::Place;

/// Where a candidate is, as a person calls it.
pub(super) fn place(case: &Case<'_>, candidate: &Candidate) -> String {
    candidate.spoken(case.context.world.home())
}

fn spot(case: &Case<'_>, place: &Place) -> String {
    match place {
        Place::Env { name } => format!("{name} of this shell"),
        place => place.show(case.context.world.home()),
    }
}

const fn tested(forecast: Forecast) -> &'static str {
    match forecast {
        Forecast::Works => ", which works",
        _ => "",
    }
}

/// `over` is the plan that writes it over a refused key; without it the agent is told to choose it.
pub(super) fn using(
    case: &Case<'_>,
    n: usize,
    candidate: &Candidate,
    forecast: Forecast,
    over: Option<&Plan>,
) -> String {
    let found = format!("source {}: {}{}", n + 1, place(case, candidate), tested(forecast));
    match over.and_then(|_| case.slot.active_candidate()) {
        Some(active) => format!("use {found}, in {}", place(case, active)),
        None => format!("use {found}"),
    }
}

pub(super) fn rewriting(
    case: &Case<'_>,
    way: Way,
    n: usize,
    key: &Secret,
    (forecast, outside): (Forecast, bool),
) -> String {
    let works = tested(forecast);
    let at = case.slot.candidates.get(n).map_or_else(String::new, |one| place(case, one));
    let then = if outside { "; then open a new terminal" } else { "" };
    match way {
        Way::Split => format!("keep {} alone in {at}{works}{then}", case.context.catalogue.mask(key)),
        _ => format!("write the clean key into {at}{works}{then}"),
    }
}

pub(super) fn adopting(case: &Case<'_>, spare: &Spare, to: &Place, forecast: Forecast) -> String {
    let from = spot(case, &spare.place);
    let mask = case.context.catalogue.mask(&spare.key);
    format!("copy {mask} from {from}{}, to {}", tested(forecast), spot(case, to))
}

pub(super) fn storing(case: &Case<'_>, from: &Candidate, to: &Place) -> String {
    format!(
        "put {} into {}, where {} reads it however it is started",
        place(case, from),
        spot(case, to),
        case.agent.name
    )
}

pub(super) fn unblocking(case: &Case<'_>, candidate: &Candidate) -> String {
    let name = candidate.name.clone().unwrap_or_else(|| place(case, candidate));
    format!("end the waiting time of {name}; its key stays")
}

/// The title, and the command or page.
pub(super) fn telling(case: &Case<'_>, way: Way) -> Option<(String, Option<String>)> {
    let provider = case.provider();
    let slot = SlotId::of(case.slot);
    let named = format!("{}/{}", slot.agent, slot.agent_provider);
    let page = |url: &str| Some(url.to_owned()).filter(|url| !url.is_empty());
    let said = |title: &str, how: Option<String>| Some((title.to_owned(), how));
    match way {
        Way::Login => {
            if !(case.is_login() || case.sends_nothing() && says_login(case)) {
                return None;
            }
            let command = sign_in(slot.agent);
            match (command, provider.and_then(|provider| provider.login.clone())) {
                (Some(command), _) => Some(("sign in again".to_owned(), Some(command.to_owned()))),
                (None, Some(words)) => Some((words.trim_end_matches('.').to_owned(), None)),
                (None, None) => None,
            }
        }
        Way::Credit => {
            let provider = provider?;
            let url = provider.billing_url.as_deref().unwrap_or(&provider.console_url);
            said("add credit or renew the plan, and keep the key", page(url))
        }
        Way::NewKey => {
            if case.is_login() {
                return None;
            }
            let url = provider.map_or("", |provider| provider.console_url.as_str());
            let from = if url.is_empty() { String::new() } else { format!(" at {url}") };
            said(&format!("make a new key{from}"), Some(format!("keymend set {named}")))
        }
        Way::Wait => said("wait, and test again", Some(format!("keymend test {named}"))),
        Way::Prove => case.can_prove.then(|| {
            ("let the program show what it sends".to_owned(), Some(format!("keymend prove {named}")))
        }),
        Way::Address => {
            let Outcome::Sends { base_url, .. } = &case.slot.outcome else { return None };
            let title = format!("check the address {}; the key may belong to another one", shown(base_url));
            said(&title, Some(format!("keymend test {named} --siblings")))
        }
        Way::Permissions => {
            let url = provider.map_or("", |provider| provider.console_url.as_str());
            said("look at the key's models, region, workspace and rights", page(url))
        }
        Way::Agree => {
            let Outcome::Sends { base_url, .. } = &case.slot.outcome else { return None };
            let host = crate::provider::authority(base_url)?;
            said(
                &format!("let the key go to {host} for a test"),
                Some(format!("keymend test {named} --yes-to {host}")),
            )
        }
        Way::Untrack => {
            let file = case.slot.candidates.get(case.candidate?)?.place.file()?;
            let file = crate::source::tilde(file, case.context.world.home());
            said(
                "take the file out of git, and then replace the key: the history keeps it",
                Some(format!("git rm --cached {file}")),
            )
        }
        _ => None,
    }
}

/// Whether the reason why nothing is sent speaks of a login.
fn says_login(case: &Case<'_>) -> bool {
    let Outcome::Nothing { reason } = &case.slot.outcome else { return false };
    let reason = reason.to_ascii_lowercase();
    ["login", "logged in", "log in", "sign in", "signed in"].iter().any(|word| reason.contains(word))
}

/// The command by which an agent signs in.
fn sign_in(agent: &str) -> Option<&'static str> {
    Some(match agent {
        "claude-code" => "claude auth login",
        "codex" => "codex login",
        "openclaw" => "openclaw models auth login",
        "hermes" => "hermes auth add",
        "opencode" => "opencode auth login",
        "qwen-code" => "qwen, then /auth",
        "gemini-cli" => "gemini, then /auth",
        "goose" => "goose configure",
        _ => return None,
    })
}
