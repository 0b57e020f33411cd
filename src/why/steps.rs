//! What to do about what a text says, and what else may be behind it.

use super::fit::host_of;
use super::said::{Explained, Meaning, Speaker, Step};
use crate::probe::verdict::Kind;
use crate::provider::{Catalogue, Provider};
use crate::resolve::Slot;
use crate::session::Scan;

/// The name of a connection on the command line.
#[must_use]
pub fn name(slot: &Slot) -> String {
    format!("{}/{}", slot.agent, slot.agent_provider)
}

/// What to do, in order.
#[must_use]
pub fn next(explained: &Explained, catalogue: &Catalogue, scan: &Scan) -> Vec<Step> {
    let said = &explained.main;
    let provider = said.provider.as_deref().and_then(|id| catalogue.get(id));
    let slot = explained.fits.first().and_then(|fit| scan.slot(fit.at));
    let mut steps: Vec<Step> = Vec::new();
    if let Some(wait) = &explained.wait {
        steps.push(Step::say(format!("The text says: {wait}.")));
    }
    steps.extend(said.hint.clone().map(Step::say));
    let more = match said.meaning {
        Meaning::Answer(kind) => answer(kind, provider, slot, said.hint_alone),
        Meaning::NoKey => no_key(slot, provider),
        Meaning::Blocked => slot.map(fix).into_iter().chain([explain(slot)]).collect(),
        Meaning::Setup => vec![check(slot)],
        Meaning::RequestId => {
            let whom = provider.map_or("the provider", |own| own.name.as_str());
            vec![Step::say(format!(
                "Quote it to the support of {whom}. For an error, give keymend the whole text around it."
            ))]
        }
        Meaning::Key => {
            let whom = provider.map_or("PROVIDER", |own| own.id.as_str());
            vec![Step::run(format!("keymend test {whom} --stdin"), "tests it")]
        }
        Meaning::Unknown => vec![
            check(slot),
            Step::say("Give keymend the lines around it as well: `keymend why --stdin < LOG`."),
        ],
    };
    steps.extend(more);
    steps
}

fn answer(kind: Kind, provider: Option<&Provider>, slot: Option<&Slot>, alone: bool) -> Vec<Step> {
    let page = provider.map(|own| own.console_url.as_str());
    let money = provider.and_then(|own| own.billing_url.as_deref()).or(page);
    let mut steps = Vec::new();
    match kind {
        Kind::Invalid | Kind::Revoked | Kind::Expired => {
            steps.push(test(slot, provider, "tests the key that is sent there now"));
            steps.extend(slot.map(fix));
            steps.extend(slot.map(|_| explain(slot)));
        }
        Kind::NoCredit => {
            if let Some(page) = money.filter(|_| !alone) {
                steps.push(Step::say(format!("Add credit or renew the plan at {page}. The key stays.")));
            }
            steps.push(test(slot, provider, "says whether it works again"));
        }
        Kind::RateLimited => steps.push(Step::say("Wait and try again. The key stays.")),
        Kind::Forbidden => {
            if let Some(page) = page.filter(|_| !alone) {
                steps.push(Step::say(format!(
                    "Check the key's permissions, models and region at {page}. The key stays."
                )));
            }
            steps.push(test(slot, provider, "tells a missing permission from a wrong key"));
        }
        Kind::WrongEndpoint => {
            steps.push(explain(slot));
            steps.push(test(slot, provider, "asks the address as the agent does"));
        }
        Kind::Gateway => {
            steps.push(Step::say("Use a key that the gateway gave out, or ask whoever runs it. A new key of the provider does not help there."));
            steps.push(test(slot, provider, "asks the provider and the configured address apart"));
        }
        Kind::ProviderDown => {
            steps.push(Step::say("Nothing is wrong with the key as far as this tells. Try again later."));
        }
        Kind::Network => steps.push(test(slot, provider, "says which step of the way fails")),
        Kind::Ambiguous | Kind::Valid => {
            steps.push(Step::say("Keep the key until a test says more."));
            steps.push(test(slot, provider, "asks the provider"));
        }
    }
    steps
}

fn no_key(slot: Option<&Slot>, provider: Option<&Provider>) -> Vec<Step> {
    let Some(slot) = slot else { return vec![test(None, provider, "tests a key that you paste")] };
    let set = Step::run(format!("keymend set {}", name(slot)), "puts a key where it looks");
    vec![explain(Some(slot)), fix(slot), set]
}

fn fix(slot: &Slot) -> Step {
    Step::run(format!("keymend fix {}", name(slot)), "does the best of what mends it, and asks before")
}

fn test(slot: Option<&Slot>, provider: Option<&Provider>, text: &str) -> Step {
    match (slot, provider) {
        (Some(slot), _) => Step::run(format!("keymend test {}", name(slot)), text),
        (None, Some(provider)) => {
            Step::run(format!("keymend test {}", provider.id), "tests a key that you paste, unseen")
        }
        (None, None) => Step::run("keymend check".to_owned(), "tests every key that is sent from here"),
    }
}

fn check(slot: Option<&Slot>) -> Step {
    match slot {
        Some(slot) => {
            Step::run(format!("keymend check {}", name(slot)), "looks for what is wrong, and tests the key")
        }
        None => Step::run("keymend check".to_owned(), "looks for what is wrong, and tests every key"),
    }
}

fn explain(slot: Option<&Slot>) -> Step {
    match slot {
        Some(slot) => Step::run(
            format!("keymend explain {}", name(slot)),
            "shows every key that it has, which one is sent where, and why",
        ),
        None => {
            Step::run("keymend status".to_owned(), "shows what every agent sends, in which header and where")
        }
    }
}

/// Other causes of the same text.
#[must_use]
pub fn may_also(explained: &Explained, catalogue: &Catalogue, scan: &Scan) -> Vec<String> {
    let said = &explained.main;
    let provider = said.provider.as_deref().and_then(|id| catalogue.get(id));
    let slot = explained.fits.first().and_then(|fit| scan.slot(fit.at));
    let mut out = Vec::new();
    let Meaning::Answer(kind) = said.meaning else { return out };
    if kind == Kind::Invalid && said.text.to_lowercase().contains("expired") {
        out.push("A key that has expired: the text names both.".to_owned());
    }
    if kind.rejects()
        && let Some(provider) = provider
    {
        if let Some(flaps) = &provider.flaps {
            out.push(format!(
                "A passing fault of {}: {flaps}. Test the key before you make another one.",
                provider.name
            ));
        }
        if catalogue.siblings(provider).next().is_some() {
            out.push(
                "A key of another region or plan of the same company: it gets the same answer.".to_owned(),
            );
        }
    }
    let foreign = slot.and_then(host_of).filter(|host| provider.is_some_and(|own| !own.owns(host)));
    if let Some(host) = foreign.filter(|_| !matches!(said.speaker, Speaker::Gateway(_) | Speaker::Network)) {
        out.push(format!("An answer of {host}: this connection does not go to the provider itself."));
    }
    for fit in explained.fits.iter().filter(|fit| fit.other.is_some()) {
        if let Some(slot) = scan.slot(fit.at) {
            out.push(format!(
                "An old error: the key in the text is in a source of {} that is not sent now.",
                name(slot)
            ));
        }
    }
    if let [end, ..] = explained.strangers.as_slice() {
        out.push(format!("Another machine, or a key that was replaced since: no key here ends in …{end}."));
    }
    out
}
