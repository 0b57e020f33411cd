//! From resolutions to slots: which providers are plausible, which are in use, and where the two ways to run Hermes
//! (`hermes -z`, and a chat or gateway) answer differently.

use super::answer::{Answer, Verdict};
use super::choose::{self, Choice};
use super::custom;
use super::oauth;
use super::profile::Profile;
use super::registry::{self, OPENROUTER, REGISTRY};
use super::runtime::Ask;
use super::step::{self, Step};
use super::wire::ApiMode;
use super::{lints, wire};
use crate::agents::common::same_outcome;
use crate::resolve::{Mode, Outcome, Slot, State};
use crate::source::Source;

/// Hermes' id.
pub const AGENT: &str = "hermes";

/// All slots of a profile, those in use first.
#[must_use]
pub fn of(profile: &Profile<'_>, refused: Option<&str>) -> Vec<Slot> {
    let chosen = [Mode::Headless, Mode::Interactive].map(|mode| (mode, choose::choose(profile, mode)));
    let names = chosen.each_ref().map(|(_, choice)| name(profile, choice));
    let mut slots = Vec::new();
    for (at, id) in names.iter().enumerate() {
        if at == 0 || names[0] != *id {
            slots.extend(pair(profile, id, |mode| {
                let (_, choice) = chosen.iter().find(|(of, _)| *of == mode)?;
                let used = names[usize::from(mode == Mode::Interactive)] == *id;
                used.then(|| choice.clone())
            }));
        }
    }
    for id in plausible(profile) {
        if !names.contains(&id) {
            slots.extend(pair(profile, &id, |_| None));
        }
    }
    if let Some(why) = refused {
        for slot in &mut slots {
            refuse(slot, profile.home.root.is_none(), why);
        }
    }
    // A fallback answers in a chat alone: what a chat sends comes first then.
    slots.sort_by_key(|slot| (!slot.in_use, slot.mode == Some(Mode::Headless) && is_silent(slot)));
    slots
}

/// Hermes does not start here: what it would use is the root's, and of that nothing is sent. With `-p NAME` each profile
/// works as it is.
fn refuse(slot: &mut Slot, of_root: bool, why: &str) {
    slot.lints.push(crate::finding::Lint::fault("refused", why));
    slot.in_use &= of_root;
    if slot.in_use {
        slot.active = None;
        slot.outcome = Outcome::nothing(why);
        for candidate in &mut slot.candidates {
            if matches!(candidate.state, State::Active { .. } | State::Shadowed { .. }) {
                candidate.state = State::Ignored { reason: why.to_owned() };
            }
        }
    }
}

fn is_silent(slot: &Slot) -> bool {
    matches!(slot.outcome, Outcome::Nothing { .. })
        && slot.lints.iter().any(|lint| lint.id == "fallback-in-chat")
}

/// The slot's name for a choice.
fn name(profile: &Profile<'_>, choice: &Choice) -> String {
    let requested = choice.requested.as_str();
    if let Some(custom) = custom::named(&profile.config, requested) {
        return custom.key.clone().unwrap_or_else(|| custom.slug());
    }
    if requested == "auto" {
        return choice.answer.provider.clone();
    }
    registry::canonical(requested).map_or_else(|| crate::agents::common::printable(requested), str::to_owned)
}

/// One provider in both modes: one slot where they agree, else two.
fn pair(profile: &Profile<'_>, id: &str, chosen: impl Fn(Mode) -> Option<Choice>) -> Vec<Slot> {
    let [mut headless, mut interactive] = [Mode::Headless, Mode::Interactive].map(|mode| {
        let choice = chosen(mode);
        let answer = choice.as_ref().map_or_else(
            || choose::run(profile, &Ask { requested: id.to_owned(), mode, key: None, base: None }),
            |choice| choice.answer.clone(),
        );
        slot(profile, id, mode, &answer, choice.as_ref())
    });
    if same_outcome(&headless.outcome, &interactive.outcome) && headless.in_use == interactive.in_use {
        headless.mode = None;
        return vec![headless];
    }
    let by_fallback = interactive.lints.iter().any(|lint| lint.id == "fallback");
    if by_fallback {
        let why = "`hermes -z` uses no fallback: it stops here, where a chat goes on";
        headless.lints.push(crate::finding::Lint::note("fallback-in-chat", why));
    }
    headless.mode = Some(Mode::Headless);
    interactive.mode = Some(Mode::Interactive);
    vec![headless, interactive]
}

fn slot(profile: &Profile<'_>, id: &str, mode: Mode, answer: &Answer, choice: Option<&Choice>) -> Slot {
    let mut steps = answer.steps.clone();
    let mut active = match answer.verdict {
        Verdict::Sends { step, .. } => Some(step),
        _ => None,
    };
    let mut request = None;
    if let Verdict::Sends { step, mode, base } = &answer.verdict {
        let made = wire::request(profile, &answer.provider, *mode, base, &steps[*step].text);
        if let Some(field) = &made.replaced_by {
            let why = "this header of the configuration takes the key's place";
            let over =
                Step::new(Source::Config, field.place.clone(), &field.text, why).named("Authorization");
            steps.insert(0, over);
            active = Some(0);
        }
        request = Some(made);
    }
    let modelless = mode == Mode::Headless && choice.is_some() && profile.config.model_name().is_empty();
    let outcome = outcome(profile, answer, (&steps, active), request.as_ref(), modelless);
    let known = matches!(outcome, Outcome::Sends { .. });
    let active = active.filter(|_| known);
    let candidates = step::settle(&steps, active);
    let mut slot = Slot {
        agent: AGENT,
        profile: profile.home.name.clone(),
        mode: Some(mode),
        provider: catalogue(id, answer).map(str::to_owned),
        agent_provider: id.to_owned(),
        in_use: choice.is_some(),
        candidates,
        active,
        outcome,
        lints: Vec::new(),
    };
    lints::add(profile, &mut slot, answer, &steps, request.as_ref(), choice);
    slot
}

fn outcome(
    profile: &Profile<'_>,
    answer: &Answer,
    (steps, active): (&[Step], Option<usize>),
    request: Option<&wire::Request>,
    modelless: bool,
) -> Outcome {
    let variable = active.and_then(|at| steps[at].environ.as_deref());
    if let Some((name, vault)) = variable.and_then(|name| Some((name, profile.env.vaults.of(name)?))) {
        let reason = format!("{vault} gives {name} when Hermes starts; a scan does not ask it");
        return Outcome::Hidden { reason };
    }
    match (&answer.verdict, request) {
        (Verdict::Sends { .. }, Some(request)) if request.refused().is_some() => {
            Outcome::nothing(lints::refusal(request).unwrap_or_default())
        }
        (Verdict::Sends { mode: ApiMode::Responses, .. }, _) if modelless => Outcome::Nothing {
            reason:
                "no model is configured, and `hermes -z` sends nothing to a Responses address without one"
                    .to_owned(),
        },
        (Verdict::Sends { .. }, Some(request)) => Outcome::Sends {
            sent: request.sent.clone(),
            base_url: request.base.clone(),
            also: request.also.clone(),
        },
        (Verdict::Nothing { why, .. }, _) => Outcome::Nothing { reason: why.clone() },
        (Verdict::Hidden(why), _) => Outcome::Hidden { reason: why.clone() },
        (Verdict::NotKnown(why), _) => Outcome::NotKnown { reason: why.clone() },
        (Verdict::Sends { .. }, None) => {
            Outcome::NotKnown { reason: "the request could not be built".to_owned() }
        }
    }
}

/// The catalogue's id of a slot.
fn catalogue(id: &str, answer: &Answer) -> Option<&'static str> {
    let kimi = matches!(&answer.verdict, Verdict::Sends { base, .. } if wire::is_host(base, "api.kimi.com"));
    match registry::find(id)?.catalogue {
        Some("moonshot") if kimi => Some("kimi-code"),
        known => known,
    }
}

/// Providers for which something is on this machine.
fn plausible(profile: &Profile<'_>) -> Vec<String> {
    let has = |name: &str| {
        profile.env.var(name).is_some_and(|var| {
            var.settings.iter().any(|setting| {
                [&setting.own, &setting.environ].into_iter().flatten().any(|text| !text.is_empty())
            })
        })
    };
    let pools = profile.store.pools();
    let states = profile.store.states();
    let stored = |id: &str| {
        pools.iter().any(|pool| pool == id) || states.iter().any(|state| state == id && id != "zai")
    };
    let mut ids = Vec::new();
    for provider in std::iter::once(&OPENROUTER).chain(REGISTRY) {
        let keys: &[&str] = match provider.id {
            "openrouter" => &["OPENROUTER_API_KEY"],
            // GitHub's own tokens are on many machines; they make nobody a user of Copilot here.
            "copilot" => &["COPILOT_GITHUB_TOKEN"],
            "alibaba-coding-plan" => &["ALIBABA_CODING_PLAN_API_KEY"],
            _ => provider.keys,
        };
        let login = match provider.id {
            "anthropic" => {
                oauth::claude_code(profile.world, profile.shared, profile.now_ms).is_some()
                    || oauth::hermes_pkce(profile.world, &profile.home.dir).is_some()
            }
            _ => false,
        };
        if keys.iter().any(|name| has(name)) || stored(provider.id) || login {
            ids.push(provider.id.to_owned());
        }
    }
    let own = custom::all(&profile.config).into_iter();
    ids.extend(own.map(|custom| custom.key.clone().unwrap_or_else(|| custom.slug())));
    ids.dedup();
    ids
}
