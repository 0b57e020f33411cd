//! The candidates of a resolution in Hermes' order, before they are settled.

use std::fmt::Write as _;

use super::environ::{Layer, Pick, Setting, Var, View};
use super::pool::{Blocked, Entry, Pool};
use super::profile::Profile;
use crate::resolve::{Candidate, State};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};

/// One candidate.
#[derive(Clone)]
pub struct Step {
    /// The kind of place.
    pub source: Source,
    /// The place.
    pub place: Place,
    /// Hermes' name for it.
    pub name: Option<String>,
    /// What is there, or none if nothing is to be shown but a reference.
    pub value: Value,
    /// The text that would be sent.
    pub text: String,
    /// Hermes would use it if nothing stronger were there.
    pub usable: bool,
    /// The rule that makes it win, or why it is not used.
    pub why: String,
    /// Its own base address (pool entries).
    pub base: Option<String>,
    /// A variable whose value in `os.environ` this is.
    pub environ: Option<String>,
    /// It is a pool entry.
    pub pooled: bool,
}

impl Step {
    /// A candidate that would be used.
    #[must_use]
    pub fn new(source: Source, place: Place, text: &str, why: impl Into<String>) -> Self {
        Self {
            source,
            place,
            name: None,
            value: Value::Present(Secret::new(text)),
            text: text.to_owned(),
            usable: !text.is_empty(),
            why: why.into(),
            base: None,
            environ: None,
            pooled: false,
        }
    }

    /// A candidate that is never used as things are.
    #[must_use]
    pub fn ignored(source: Source, place: Place, text: &str, why: impl Into<String>) -> Self {
        Self { usable: false, ..Self::new(source, place, text, why) }
    }

    /// Names it.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

/// The steps for one variable: the place that decides it, then the places that it hides.
#[must_use]
pub fn variable(profile: &Profile<'_>, view: View, name: &str, why: &str) -> Vec<Step> {
    let Some(var) = profile.env.var(name) else { return Vec::new() };
    let pick = profile.env.pick(view, name);
    let mut steps = Vec::new();
    if let Some(step) = pick.as_ref().and_then(|pick| winner(&var, pick, name, why)) {
        steps.push(step);
    }
    steps.extend(hidden(profile, (&var, pick.as_ref()), view, name));
    steps
}

fn winner(var: &Var, pick: &Pick, name: &str, why: &str) -> Option<Step> {
    let setting = var.settings.get(pick.setting)?;
    let mut step = Step::new(setting.source(), setting.place.clone(), &pick.text, why).named(name);
    step.environ = (!pick.own).then(|| name.to_owned());
    Some(step)
}

fn hidden(profile: &Profile<'_>, (var, pick): (&Var, Option<&Pick>), view: View, name: &str) -> Vec<Step> {
    let others =
        var.settings.iter().enumerate().filter(|(at, _)| pick.is_none_or(|pick| pick.setting != *at));
    let by = pick.and_then(|pick| var.settings.get(pick.setting));
    let step = |(_, setting): (usize, &Setting)| {
        let own = setting.own.as_deref().filter(|_| view == View::PreferDotenv);
        let text = own.or(setting.environ.as_deref()).or(setting.own.as_deref()).unwrap_or_default();
        let why = hides(profile, by, setting, text, (var, view));
        Step::ignored(setting.source(), setting.place.clone(), text, why).named(name)
    };
    others.map(step).collect()
}

/// Why `setting` does not decide.
fn hides(
    profile: &Profile<'_>,
    by: Option<&Setting>,
    setting: &Setting,
    text: &str,
    (var, view): (&Var, View),
) -> String {
    if setting.environ.is_none() && view == View::Environ && profile.env.is_marked(&setting.place) {
        return "a byte order mark is before the name, and makes it another one".to_owned();
    }
    if setting.environ.is_none() && view == View::Environ {
        return "python-dotenv skips this line: its quotes do not close".to_owned();
    }
    let Some(by) = by else {
        return if text.is_empty() {
            "set and empty: it is treated as unset, and it hides what the shell exports".to_owned()
        } else {
            blanked(setting, var)
        };
    };
    match (by.layer, setting.layer) {
        (Layer::User, Layer::User) => {
            format!("line {} sets it again; the last line is used", line(&by.place))
        }
        (Layer::User, Layer::Shell) => {
            "~/.hermes/.env beats the environment that Hermes is started from".to_owned()
        }
        (Layer::User, Layer::Managed) => {
            "for this provider Hermes prefers its own .env to what the administrator sets".to_owned()
        }
        (Layer::Managed, _) => "the administrator's .env is applied last and wins".to_owned(),
        (_, Layer::Project) => "the .env beside the installed program only fills gaps".to_owned(),
        (Layer::Project, Layer::Shell) => {
            "without a ~/.hermes/.env the .env beside the installed program beats the shell".to_owned()
        }
        _ if text.is_empty() => "set and empty".to_owned(),
        _ => "another place sets it later".to_owned(),
    }
}

fn blanked(setting: &Setting, var: &Var) -> String {
    let empty = var.settings.iter().rev().find(|other| other.environ.as_deref() == Some(""));
    match empty {
        Some(empty) if setting.layer == Layer::Shell || empty.layer == setting.layer => {
            format!("line {} sets it to nothing, which hides this", line(&empty.place))
        }
        _ => "it does not reach this provider".to_owned(),
    }
}

fn line(place: &Place) -> usize {
    match place {
        Place::Line { line: Some(line), .. } => *line,
        _ => 0,
    }
}

/// The steps for a pool's entries, in the order of their priority.
#[must_use]
pub fn pool(profile: &Profile<'_>, provider: &str, pool: &Pool) -> Vec<Step> {
    pool.entries.iter().map(|entry| pool_entry(profile, provider, entry)).collect()
}

/// The step for one entry.
#[must_use]
pub fn pool_entry(profile: &Profile<'_>, provider: &str, entry: &Entry) -> Step {
    let words = entry.words();
    let mut step = match entry.blocked(provider, profile.now()) {
        None => Step::new(
            entry.kind,
            entry.place.clone(),
            &entry.token,
            format!("{words}: the pool is asked first"),
        ),
        Some(blocked) => Step::ignored(
            entry.kind,
            entry.place.clone(),
            &entry.token,
            blocked_words(&words, entry, &blocked),
        ),
    };
    step.name = Some(entry.variable.clone().unwrap_or_else(|| entry.label.clone()));
    step.base.clone_from(&entry.base_url);
    step.pooled = true;
    if entry.token.is_empty() {
        step.value = match &entry.variable {
            Some(name) => Value::Reference(format!("variable {name}")),
            None => Value::Present(Secret::new("")),
        };
    }
    step.environ = entry.variable.clone().filter(|name| {
        let pick = profile.env.pick(View::PreferDotenv, name);
        pick.is_some_and(|pick| !pick.own && pick.text == entry.token)
    });
    step
}

fn blocked_words(words: &str, entry: &Entry, blocked: &Blocked) -> String {
    let mut text = words.to_owned();
    let _ = match (blocked, &entry.variable) {
        (Blocked::Empty, Some(name)) => write!(text, ": it refers to {name}, which is not set"),
        (Blocked::Empty, None) if entry.record.as_ref().is_some_and(|r| r.json.get("api_key").is_some()) => {
            write!(text, ": its key is in `api_key`, and Hermes reads `access_token` alone")
        }
        (Blocked::Empty, None) => write!(text, ": its access_token is empty"),
        (Blocked::Dead, _) => write!(text, ": marked dead after a refusal; it is not tried again"),
        (Blocked::Cooldown(until), _) => write!(text, ": in cooldown{}", when(*until)),
        (Blocked::Expired { renewable: true }, _) => {
            write!(text, ": expired; Hermes tries to renew it first, and uses it if that works")
        }
        (Blocked::Expired { renewable: false }, _) => {
            write!(text, ": expired, and nothing is there to renew it with")
        }
    };
    text
}

fn when(until: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "a moment in seconds fits")]
    let moment = jiff::Timestamp::from_second(until as i64);
    moment.map_or_else(|_| String::new(), |moment| format!(" until {moment}"))
}

/// Steps without repetition: of two at one place the usable one stays, else the first. The order decides what is sent, so
/// that a step stays where it is.
#[must_use]
pub fn distinct(steps: Vec<Step>) -> Vec<Step> {
    let mut kept: Vec<Step> = Vec::new();
    for step in steps {
        match kept.iter().position(|old| old.place == step.place) {
            Some(old) if step.usable && !kept[old].usable => {
                kept.remove(old);
                kept.push(step);
            }
            Some(_) => {}
            None => kept.push(step),
        }
    }
    kept
}

/// The candidates: the one at `active` wins, usable ones after it are shadowed.
#[must_use]
pub fn settle(steps: &[Step], active: Option<usize>) -> Vec<Candidate> {
    let winner = active.and_then(|at| steps.get(at));
    steps
        .iter()
        .enumerate()
        .map(|(at, step)| {
            let state = match (active, winner) {
                (Some(active), _) if active == at => State::Active { reason: step.why.clone() },
                (Some(by), Some(winner)) if step.usable => State::Shadowed { by, reason: winner.why.clone() },
                _ => State::Ignored { reason: step.why.clone() },
            };
            Candidate {
                source: step.source,
                place: step.place.clone(),
                name: step.name.clone(),
                value: step.value.clone(),
                state,
                lints: Vec::new(),
            }
        })
        .collect()
}
