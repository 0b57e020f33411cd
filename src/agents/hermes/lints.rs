//! What a person should know about a slot beside the key itself.

use super::answer::{Answer, Verdict};
use super::choose::Choice;
use super::environ::{Layer, View};
use super::profile::{Profile, Rules};
use super::registry::{find, is_usable};
use super::step::Step;
use super::wire::{Request, host, is_oauth_shaped};
use crate::agents::common::printable;
use crate::agents::engine::env;
use crate::finding::Lint;
use crate::resolve::{Outcome, Slot, State};
use crate::source::{Place, Source};

/// Adds all lints.
pub fn add(
    profile: &Profile<'_>,
    slot: &mut Slot,
    answer: &Answer,
    steps: &[Step],
    request: Option<&Request>,
    choice: Option<&Choice>,
) {
    let faulty = request.and_then(|request| faulty(answer, steps, request));
    for (at, step) in steps.iter().enumerate() {
        let mut found = of_step(profile, slot, at, step);
        found.extend(faulty.iter().filter(|(of, _)| *of == at).map(|(_, lint)| lint.clone()));
        if let Some(candidate) = slot.candidates.get_mut(at) {
            candidate.lints.extend(found);
        }
    }
    let active = slot.active.and_then(|at| steps.get(at));
    let mut lints = Vec::new();
    let sends = matches!(slot.outcome, Outcome::Sends { .. });
    lints.extend(request.filter(|_| sends).and_then(two_headers));
    lints.extend(request.and_then(|request| foreign(slot, answer, request)));
    lints.extend(choice.and_then(by_fallback));
    lints.extend(active.and_then(|step| openai_to_openrouter(slot, step)));
    lints.extend(active.and_then(|step| login_over_key(profile, slot, step, steps)));
    lints.extend(renewal(steps, active));
    lints.extend(empty_hides(profile, slot));
    lints.extend(mode_only(slot, answer));
    slot.lints.extend(lints);
}

/// Why the HTTP library does not send the request, in words.
#[must_use]
pub fn refusal(request: &Request) -> Option<String> {
    let (beside, why) = request.refused()?;
    Some(match request.added.filter(|_| beside) {
        Some(name) => format!(
            "the SDK adds {name} to every request, and {why}: the HTTP library refuses the header, and nothing is sent"
        ),
        None => format!("{why}: the HTTP library refuses the header, and no request is sent"),
    })
}

/// The credential that the HTTP library refuses: the row that would be sent, or the one that the SDK adds.
fn faulty(answer: &Answer, steps: &[Step], request: &Request) -> Option<(usize, Lint)> {
    let (beside, _) = request.refused()?;
    let added = || {
        let named = |step: &Step| step.name.as_deref() == request.added && step.environ.is_some();
        steps
            .iter()
            .position(named)
            .or_else(|| steps.iter().position(|step| step.name.as_deref() == request.added))
    };
    let Verdict::Sends { step, .. } = answer.verdict else { return None };
    let at = if beside { added()? } else { step };
    Some((at, Lint::fault("invalid-header", refusal(request)?)))
}

fn of_step(profile: &Profile<'_>, slot: &Slot, at: usize, step: &Step) -> Vec<Lint> {
    let mut lints = Vec::new();
    let state = slot.candidates.get(at).map(|candidate| &candidate.state);
    let is_active = matches!(state, Some(State::Active { .. }));
    lints.extend(of_line(profile, step));
    // An endpoint of the person's own takes any word for a key.
    let own_server = slot.provider.is_none();
    if is_active && !own_server && !is_usable(&step.text) && step.source != Source::BuiltIn {
        let why = "this looks like a placeholder, and Hermes sends it all the same";
        lints.push(Lint::fault("placeholder-wins", why));
    }
    if is_active && step.text.starts_with("op://") {
        lints.push(Lint::fault(
            "reference-sent",
            "the reference itself is sent: Hermes does not resolve it in .env",
        ));
    } else if is_active && step.text.contains("${") {
        lints.push(Lint::fault(
            "reference-sent",
            "the ${…} is sent as text: this variable is not set, or this parser expands nothing",
        ));
    }
    if step.pooled && step.usable && !is_active && slot.active.is_some() {
        lints.push(Lint::note(
            "spare-key",
            "a spare of the pool: used when the ones before it are in cooldown",
        ));
    }
    if step.pooled && step.why.contains("in cooldown") {
        lints.push(Lint::warn("cooldown", "the pool passes this key over for now"));
    }
    if step.pooled && step.why.contains("marked dead") {
        lints.push(Lint::warn("dead-entry", "the provider refused this key for good; it is not tried again"));
    }
    lints.extend(suppressed(profile, slot, step));
    lints.extend(raw_in_reference(step));
    lints
}

/// Faults of the line in `.env` itself.
fn of_line(profile: &Profile<'_>, step: &Step) -> Vec<Lint> {
    let Place::Line { line: Some(number), name, file, .. } = &step.place else { return Vec::new() };
    let Some(var) = profile.env.var(name) else { return Vec::new() };
    let Some(setting) = var.settings.iter().find(|setting| setting.place == step.place) else {
        return Vec::new();
    };
    if setting.layer != Layer::User {
        return Vec::new();
    }
    let mut lints = Vec::new();
    let same =
        |other: &&super::environ::Setting| other.layer == Layer::User && other.place.file() == Some(file);
    let count = var.settings.iter().filter(same).count() + var.dropped;
    if count > 1 {
        let why = format!(
            "{name} is set {count} times in this file; the last line is used, and Hermes' own writer changes the first"
        );
        lints.push(Lint::warn("duplicate-line", why));
    }
    if profile.env.is_split(*number) {
        lints.push(Lint::warn(
            "two-on-one-line",
            "two assignments are on this line; Hermes splits them when it starts",
        ));
    }
    match (&setting.own, &setting.environ) {
        (Some(own), Some(python)) if own != python && own.contains(" #") => lints.push(Lint::warn(
            "inline-comment",
            "there is a comment behind the value: most providers of Hermes send it as part of the key",
        )),
        (Some(own), Some(python)) if own != python => lints.push(Lint::warn(
            "two-readings",
            "Hermes' two readers disagree on this line; write it as NAME=value",
        )),
        (Some(own), None) if own.is_empty() && profile.env.is_marked(&step.place) => {}
        (Some(own), None) if profile.env.is_marked(&step.place) => {
            let mut lint = env::marked(name, &step.place);
            // Of a line that Hermes' own parser reads, the key is sent all the same.
            if step.usable && step.text == own.trim() {
                lint.weigh(crate::finding::Severity::Note);
            }
            lints.push(lint);
        }
        (Some(_), None) => lints.push(Lint::fault(
            "unbalanced-quote",
            "a quote opens and does not close: one reader skips the line, the other sends the quote",
        )),
        _ => {}
    }
    lints
}

fn suppressed(profile: &Profile<'_>, slot: &Slot, step: &Step) -> Option<Lint> {
    let name = step.name.as_deref()?;
    let claude = name == "Claude Code" && profile.store.is_suppressed("anthropic", "claude_code");
    let variable = profile.store.is_suppressed(&slot.agent_provider, &format!("env:{name}"));
    let why = "`hermes auth remove` took this out of the pool, and Hermes reads it elsewhere all the same";
    (claude || variable).then(|| Lint::warn("suppressed-source", why))
}

fn raw_in_reference(step: &Step) -> Option<Lint> {
    let pointer = matches!(&step.place, Place::Field { .. }) && step.pooled && step.why.contains("(env:");
    let why = "an older version left the key itself in auth.json; Hermes uses it until the next start rewrites the file";
    (pointer && !step.text.is_empty()).then(|| Lint::warn("raw-key-in-reference", why))
}

fn two_headers(request: &Request) -> Option<Lint> {
    let other = request.also.first()?;
    let added = request.added.map_or_else(String::new, |name| format!(" (the SDK adds {name} by itself)"));
    let same = other.key == request.sent.key;
    let what = if same { "the same key" } else { "two different credentials" };
    let why = format!(
        "{what} in one request: {} and {}{added}; which one is used is the server's choice",
        request.sent.header.name(),
        other.header.name()
    );
    Some(if same { Lint::note("two-credentials", why) } else { Lint::warn("two-credentials", why) })
}

fn foreign(slot: &Slot, answer: &Answer, request: &Request) -> Option<Lint> {
    let known = find(&slot.agent_provider).filter(|_| answer.provider != "custom")?;
    let own = host(known.base);
    let there = host(&request.base);
    let kimi = there == "api.kimi.com" && known.id == "kimi-coding";
    let home = own.split('.').rev().take(2).collect::<Vec<_>>()
        == there.split('.').rev().take(2).collect::<Vec<_>>();
    let foreign = !own.is_empty() && !home && !kimi && known.id != "lmstudio" && known.id != "azure-foundry";
    foreign.then(|| {
        let why = format!("this key goes to {}, not to the provider's own host", printable(&there));
        Lint::warn("foreign-base-url", why)
    })
}

fn by_fallback(choice: &Choice) -> Option<Lint> {
    let fallback = choice.fallback.as_ref()?;
    let why = format!(
        "{} has no key, so that the fallback {} answers in a chat",
        printable(&choice.requested),
        printable(fallback)
    );
    Some(Lint::warn("fallback", why))
}

fn openai_to_openrouter(slot: &Slot, step: &Step) -> Option<Lint> {
    let sent = slot.agent_provider == "openrouter" && step.name.as_deref() == Some("OPENAI_API_KEY");
    let why = "the OpenAI key is sent to OpenRouter, which does not know it; for OpenAI itself the provider is openai-api";
    sent.then(|| Lint::warn("openai-key-to-openrouter", why))
}

/// An OAuth token that outranks a key that is there too.
fn login_over_key(profile: &Profile<'_>, slot: &Slot, step: &Step, steps: &[Step]) -> Option<Lint> {
    let login = slot.agent_provider == "anthropic" && is_oauth_shaped(&step.text);
    let key = steps.iter().any(|other| other.usable && other.text.starts_with("sk-ant-api"));
    let why = match profile.rules {
        Rules::V019 => {
            "a login outranks the API key: a new key alone changes nothing until the login is gone"
        }
        Rules::Newer => {
            "a token outranks the API key: a new key alone changes nothing until the token is gone"
        }
    };
    (login && key).then(|| Lint::warn("login-outranks-key", why))
}

fn renewal(steps: &[Step], active: Option<&Step>) -> Option<Lint> {
    let renewable = steps.iter().any(|step| step.why.contains("tries to renew it first"));
    let why = "an expired login comes before this: if Hermes can renew it over the network, the login is sent instead";
    (renewable && active.is_some()).then(|| Lint::warn("login-may-return", why))
}

/// An empty assignment that hides a key.
fn empty_hides(profile: &Profile<'_>, slot: &Slot) -> Option<Lint> {
    let known = find(&slot.agent_provider)?;
    let hidden = known.keys.iter().find(|name| {
        let Some(var) = profile.env.var(name) else { return false };
        let empty = profile.env.pick(View::PreferDotenv, name).is_none()
            && var.settings.iter().any(|setting| setting.environ.as_deref() == Some(""));
        empty
            && var
                .settings
                .iter()
                .any(|setting| setting.environ.as_deref().is_some_and(|text| !text.is_empty()))
    })?;
    Some(Lint::warn(
        "empty-hides",
        format!("{hidden} is set to nothing in a later place, which hides the key in an earlier one"),
    ))
}

fn mode_only(slot: &Slot, answer: &Answer) -> Option<Lint> {
    let zai = slot.agent_provider == "zai"
        && matches!(&answer.verdict, Verdict::Sends { base, .. } if base.contains("api.z.ai/api/paas"));
    let why =
        "Hermes tries Z.AI's addresses one after the other with this key, and keeps the first that works";
    zai.then(|| Lint::note("probed-address", why))
}

/// Findings about a profile as a whole.
#[must_use]
pub fn of_profile(profile: &Profile<'_>) -> Vec<Lint> {
    let mut lints = Vec::new();
    let home = profile.world.home();
    for (path, names) in &profile.env.vaults.caches {
        let why = format!(
            "{} holds {} keys as plain text, long after they count",
            crate::source::tilde(path, home),
            names.len()
        );
        lints.push(Lint::warn("vault-cache", why));
    }
    if profile.env.undecodable {
        lints.push(Lint::fault(
            "undecodable",
            "~/.hermes/.env is UTF-32: Hermes reads nothing from it; save it as UTF-8",
        ));
    }
    lints
}

/// A profile whose `.env` holds another key than the root's for the same variable: often a copy that was left behind
/// when the root's key was replaced.
pub fn stale_clones(slots: &mut [Slot]) {
    let key = |slot: &Slot| {
        let sent = slot.sent()?;
        let name = slot.active_candidate()?.name.clone()?;
        Some((slot.agent_provider.clone(), name, sent.key.clone()))
    };
    let roots: Vec<_> = slots.iter().filter(|slot| slot.profile == "default").filter_map(key).collect();
    for slot in slots.iter_mut().filter(|slot| slot.profile != "default") {
        let Some((provider, name, sent)) = key(slot) else { continue };
        let differs = roots.iter().any(|(of, root, text)| *of == provider && *root == name && *text != sent);
        let dotenv = slot.active_candidate().is_some_and(|candidate| candidate.source == Source::Dotenv);
        if differs && dotenv {
            let why = "the default profile sends another key for this; a cloned profile keeps its copy when the root's key changes";
            slot.lints.push(Lint::note("differs-from-default", why));
        }
    }
}
