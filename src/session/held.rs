//! Who else has an answer for a slot: the running processes of the agent, and the services that start it. Each is asked by the
//! agent's own rules, under the environment that it was or will be started with, so that "the gateway still sends the old
//! key" is known before anything is written.

use std::collections::{BTreeMap, HashMap};

use super::holding;
use super::services::{self, Starter};
use crate::agents::{Agent, Certainty, Context, Findings};
use crate::ambient::Surroundings;
use crate::finding::{Lint, Severity};
use crate::formats::compose;
use crate::plan::SlotId;
use crate::provider::Catalogue;
use crate::resolve::{Candidate, Outcome, Slot, State};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};
use crate::world::{Overlay, Process, World};

/// What kind of holder it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A running process.
    Process,
    /// A unit of systemd.
    Unit,
    /// A job of launchd.
    Job,
    /// A service of a compose project.
    Container,
}

impl Kind {
    /// The word in `--json`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Unit => "unit",
            Self::Job => "job",
            Self::Container => "container",
        }
    }
}

/// What a holder sends, compared with what an agent sends that is started from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sends {
    /// The same.
    Same,
    /// Another key.
    Other(Secret),
    /// No key; why.
    Nothing(String),
    /// Nobody can tell; why.
    Unknown(String),
}

impl Sends {
    /// Whether it is known to be something else than what is sent from here.
    #[must_use]
    pub const fn differs(&self) -> bool {
        matches!(self, Self::Other(_) | Self::Nothing(_))
    }

    /// The word in `--json`.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Other(_) => "another",
            Self::Nothing(_) => "nothing",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// A process or service that answers for a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its kind.
    pub kind: Kind,
    /// In words: `OpenClaw gateway (pid 412, running for 3 days)`.
    pub what: String,
    /// The process.
    pub pid: Option<u32>,
    /// When the process started, Unix milliseconds.
    pub since_ms: Option<i64>,
    /// The unit that a process belongs to, or the unit itself.
    pub unit: Option<String>,
    /// What it sends.
    pub sends: Sends,
    /// How sure that is.
    pub certainty: Certainty,
    /// The command that starts it anew.
    pub restart: Option<Vec<String>>,
}

/// The holders of each slot that has some.
pub type Held = HashMap<SlotId, Vec<Holder>>;

/// Looks for the holders of every slot of these agents, adds the keys that nothing else has as rows, and the findings.
pub(super) fn tell<'f>(
    world: &dyn World,
    catalogue: &Catalogue,
    around: &Surroundings,
    agents: impl Iterator<Item = (&'static Agent, &'f mut Findings)>,
) -> Held {
    let mut held = Held::new();
    for (agent, findings) in agents {
        let asked = Asked::new(Context { world, catalogue }, around, agent);
        asked.restarts(findings);
        let mut answers = Answers::default();
        for slot in &mut findings.slots {
            let found = asked.of_slot(&mut answers, slot);
            if found.is_empty() {
                continue;
            }
            let holders: Vec<Holder> = found.into_iter().map(|(holder, _)| holder).collect();
            held.insert(SlotId::of(slot), holders);
        }
    }
    held
}

/// The answers of an agent under other environments, each asked once.
#[derive(Default)]
struct Answers {
    of_process: HashMap<u32, Option<Both>>,
    of_starter: HashMap<usize, Both>,
}

/// What an agent sends with this shell's variables in a holder's folder, and with the holder's own.
type Both = (Vec<Slot>, Vec<Slot>);

/// What is the same for all slots of an agent.
struct Asked<'a> {
    context: Context<'a>,
    agent: &'static Agent,
    starters: Vec<Starter>,
    containers: Vec<compose::Service>,
    around: &'a Surroundings,
}

/// Why a holder differs, for the finding's words.
enum Cause {
    /// A process.
    Process,
    /// A unit or job, by its index.
    Starter(usize),
    /// A container; the variable that it is not given, or whose value differs.
    Container(String),
}

impl<'a> Asked<'a> {
    fn new(context: Context<'a>, around: &'a Surroundings, agent: &'static Agent) -> Self {
        let starters = services::starters(context.world, around, agent.id);
        let containers = services::containers(around, agent.id);
        Self { context, agent, starters, containers, around }
    }

    /// A gateway that nobody starts again after a failure.
    fn restarts(&self, findings: &mut Findings) {
        for starter in self.starters.iter().filter(|starter| starter.restarts == Some(false)) {
            let message = format!(
                "systemd does not start {} again after a failure: it has no Restart=. With Restart=on-failure one bad \
                 answer does not end it.",
                starter.what
            );
            findings.lints.push(Lint::note("service-does-not-restart", message));
        }
    }

    /// The holders of one slot; their keys become rows, and what is wrong with them findings.
    fn of_slot(&self, answers: &mut Answers, slot: &mut Slot) -> Vec<(Holder, Cause)> {
        let mut found = self.processes(answers, slot);
        let starters = self.starters.iter().enumerate();
        let own = starters.filter(|(_, starter)| starter.serves(self.agent.id, &slot.profile));
        found.extend(
            own.map(|(at, starter)| (self.of_starter(answers, slot, at, starter), Cause::Starter(at))),
        );
        found.extend(self.containers.iter().filter_map(|service| self.of_container(slot, service)));
        let rows: Vec<Candidate> =
            found.iter().filter_map(|(holder, cause)| self.row(slot, holder, cause)).collect();
        for row in rows {
            if !slot.candidates.iter().any(|own| own.value == row.value) {
                slot.candidates.push(row);
            }
        }
        let lints: Vec<Lint> = found.iter().filter_map(|one| self.finding(slot, one, &found)).collect();
        if lints.iter().any(|lint| lint.id == "service-has-another-key") {
            // OpenClaw's own sentence about its unit says less.
            slot.lints.retain(|lint| lint.id != "service-keeps-key");
        }
        slot.lints.extend(lints);
        found
    }

    fn processes(&self, answers: &mut Answers, slot: &Slot) -> Vec<(Holder, Cause)> {
        let Some(named) = (self.agent.restart)(&self.context, slot) else { return Vec::new() };
        let holder = |process: &Process| {
            let (sends, certainty) = self.of_process(answers, slot, process, named.certainty);
            let ran = self.context.world.now_ms() - process.started_ms;
            let holder = Holder {
                kind: Kind::Process,
                what: format!("{} (pid {}, {})", self.title(process), process.pid, running_for(ran)),
                pid: Some(process.pid),
                since_ms: Some(process.started_ms),
                unit: process.unit.clone(),
                sends,
                certainty,
                restart: self.restart_of(process).or_else(|| named.command.clone()),
            };
            (holder, Cause::Process)
        };
        named.processes.iter().map(holder).collect()
    }

    /// What a person calls the process.
    fn title(&self, process: &Process) -> String {
        let role = role(process).map_or(String::new(), |role| format!(" {role}"));
        format!("{}{role}", self.agent.name)
    }

    fn restart_of(&self, process: &Process) -> Option<Vec<String>> {
        let unit = process.unit.as_ref()?;
        let own = self.starters.iter().find(|starter| starter.unit.as_ref() == Some(unit));
        own.map(|starter| starter.restart.clone())
    }

    fn of_process(
        &self,
        answers: &mut Answers,
        slot: &Slot,
        process: &Process,
        named: Certainty,
    ) -> (Sends, Certainty) {
        let Some(env) = &process.env else {
            let why = "the environment it was started with cannot be read".to_owned();
            return (Sends::Unknown(why), Certainty::CannotTell);
        };
        let asked = answers.of_process.entry(process.pid).or_insert_with(|| {
            let world = self.context.world;
            if is_same_for_agents(world.env(), env) {
                return None;
            }
            let cwd = process.cwd.as_deref().unwrap_or_else(|| world.cwd());
            let here = self.slots(&Overlay::new(world).with_cwd(cwd));
            let there = self.slots(&Overlay::new(world).with_cwd(cwd).with_env(env));
            Some((here, there))
        });
        let sends = match asked {
            Some((here, there)) => compared(slot, here, there),
            None => Sends::Same,
        };
        match sends {
            Sends::Same if named == Certainty::MayHold && slot.sent().is_some() => {
                if holding::started_after_change(&self.context, slot, process) {
                    return (Sends::Same, Certainty::Fresh);
                }
                let why = "it may have read the file before its last change".to_owned();
                (Sends::Unknown(why), Certainty::MayHold)
            }
            Sends::Same => (Sends::Same, named),
            Sends::Unknown(why) => (Sends::Unknown(why), Certainty::CannotTell),
            other => (other, Certainty::StillHolds),
        }
    }

    fn of_starter(&self, answers: &mut Answers, slot: &Slot, at: usize, starter: &Starter) -> Holder {
        let (here, there) = answers.of_starter.entry(at).or_insert_with(|| {
            let world = self.context.world;
            let here = self.slots(&Overlay::new(world).with_cwd(&starter.cwd));
            let there = self.slots(&Overlay::new(world).with_cwd(&starter.cwd).with_variables(&starter.env));
            (here, there)
        });
        Holder {
            kind: if starter.unit.is_some() { Kind::Unit } else { Kind::Job },
            what: starter.what.clone(),
            pid: None,
            since_ms: None,
            unit: starter.unit.clone(),
            sends: compared(slot, here, there),
            certainty: if starter.certain { Certainty::StillHolds } else { Certainty::MayHold },
            restart: Some(starter.restart.clone()),
        }
    }

    fn slots(&self, world: &dyn World) -> Vec<Slot> {
        let found = self.agent.scan(&Context { world, catalogue: self.context.catalogue });
        found.map_or_else(Vec::new, |found| found.slots)
    }

    /// A container has its own files, so that only its variables are known; a volume of it may hold more.
    fn of_container(&self, slot: &Slot, service: &compose::Service) -> Option<(Holder, Cause)> {
        let sent = slot.sent()?;
        let names = variables(slot);
        let by_variable = names.first()?;
        let given = names.iter().find_map(|name| {
            let all = self.around.compose().find(self.context.world, name);
            let own = all.into_iter().find(|setting| setting.service == service.name && setting.wins)?;
            Some((name, own.value?))
        });
        let unset = service.unset.iter().find(|(name, _)| names.contains(name));
        let (sends, variable) = match (given, unset) {
            (_, Some((name, other))) => (Sends::Nothing(format!("{other} is not set here")), name),
            (Some((name, value)), _) if value == sent.key => (Sends::Same, name),
            (Some((name, value)), _) if value.is_empty() => {
                (Sends::Nothing(format!("{name} is empty")), name)
            }
            (Some((name, value)), _) => (Sends::Other(value), name),
            (None, None) if service.volumes.is_empty() => {
                (Sends::Nothing(format!("it is not given {by_variable}")), by_variable)
            }
            (None, None) => {
                let why = format!("it is not given {by_variable}; its volumes may hold a key");
                (Sends::Unknown(why), by_variable)
            }
        };
        let restart = ["docker", "compose", "up", "-d", &service.name].map(ToOwned::to_owned).to_vec();
        let holder = Holder {
            kind: Kind::Container,
            what: format!("the compose service {}", crate::agents::common::printable(&service.name)),
            pid: None,
            since_ms: None,
            unit: None,
            sends,
            certainty: Certainty::StillHolds,
            restart: Some(restart),
        };
        Some((holder, Cause::Container(variable.clone())))
    }

    /// A row for a key that only a holder has.
    fn row(&self, slot: &Slot, holder: &Holder, cause: &Cause) -> Option<Candidate> {
        let Sends::Other(key) = &holder.sends else { return None };
        let variable = |own: &Starter| {
            variables(slot).into_iter().find(|name| own.env.get(name).is_some_and(|value| value == key))
        };
        let (source, place, name) = match cause {
            Cause::Process => (Source::Process, Place::Sealed { what: holder.what.clone() }, None),
            Cause::Starter(at) => {
                let own = self.starters.get(*at)?;
                let name = variable(own)?;
                let source = if own.unit.is_some() { Source::Systemd } else { Source::Launchd };
                (source, own.place(&name)?, Some(name))
            }
            Cause::Container(_) => return None,
        };
        let reason = match holder.kind {
            Kind::Process => "it was started with this; what is started from here has another".to_owned(),
            _ => format!("{} gets this when it starts", holder.what),
        };
        Some(Candidate {
            source,
            place,
            name,
            value: Value::Present(key.clone()),
            state: State::Ignored { reason },
            lints: Vec::new(),
        })
    }

    /// What is wrong with one holder, where the slot is used and a key is sent from here.
    fn finding(&self, slot: &Slot, one: &(Holder, Cause), all: &[(Holder, Cause)]) -> Option<Lint> {
        let (holder, cause) = one;
        if !slot.in_use || slot.sent().is_none() || !holder.sends.differs() {
            return None;
        }
        match cause {
            Cause::Process => self.of_running(slot, holder, all),
            Cause::Starter(at) => {
                let starter = self.starters.get(*at)?;
                // The unit's own process got the variable from its manager, which no file tells.
                let own = |(other, _): &&(Holder, Cause)| other.pid.is_some() && other.unit == holder.unit;
                let settled = all.iter().any(|one| own(&one) && one.0.sends == Sends::Same);
                if settled && !starter.certain && holder.unit.is_some() {
                    return None;
                }
                Some(self.of_service(slot, holder, starter, all))
            }
            Cause::Container(name) => Some(of_compose(holder, name)),
        }
    }

    /// A process that was started with another environment. Where its own unit gives it that, the unit is to blame.
    fn of_running(&self, slot: &Slot, holder: &Holder, all: &[(Holder, Cause)]) -> Option<Lint> {
        let by_unit = |(other, cause): &&(Holder, Cause)| {
            matches!(cause, Cause::Starter(_)) && other.unit == holder.unit && other.sends == holder.sends
        };
        if holder.unit.is_some() && all.iter().any(|one| by_unit(&one)) {
            return None;
        }
        let serves = holder.unit.is_some() || self.is_server(slot, holder);
        let command = holder.restart.as_ref().map_or("Stop it and start it again".to_owned(), |words| {
            format!("Restart it: {}", words.join(" "))
        });
        let what = &holder.what;
        let (words, severity) = match &holder.sends {
            Sends::Nothing(why) => (
                format!("{what} sends no key ({why}), and what is started from here sends one"),
                Severity::Fault,
            ),
            _ => (format!("{what} sends another key than what is started from here"), Severity::Warn),
        };
        let severity = if serves { severity } else { Severity::Note };
        let message = format!("{words}: a process keeps the variables of its own start. {command}.");
        Some(Lint::of("process-holds-another-key", severity, message))
    }

    /// Whether a process answers requests for others, so that a person does not see what it was started with.
    fn is_server(&self, slot: &Slot, holder: &Holder) -> bool {
        let named = (self.agent.restart)(&self.context, slot);
        let processes = named.map_or_else(Vec::new, |named| named.processes);
        processes.iter().any(|process| Some(process.pid) == holder.pid && role(process).is_some())
    }

    /// A unit or job that gives its agent another answer than this shell has.
    fn of_service(&self, slot: &Slot, holder: &Holder, starter: &Starter, all: &[(Holder, Cause)]) -> Lint {
        let home = self.context.world.home();
        let runs = all
            .iter()
            .find(|(other, _)| other.pid.is_some() && other.unit == holder.unit && other.unit.is_some());
        let runs = runs.filter(|(other, _)| other.sends == holder.sends);
        let running = runs.map_or(String::new(), |(other, _)| format!(" It runs now: {}.", other.what));
        let sure = starter.certain || runs.is_some();
        let active = slot.active_candidate();
        let variable = active.and_then(|row| match &row.place {
            Place::Env { name } => Some(name.as_str()),
            _ => None,
        });
        let instead = match &holder.sends {
            Sends::Nothing(why) => format!("it sends no key ({why})"),
            _ => "it sends another key".to_owned(),
        };
        let severity = match &holder.sends {
            Sends::Nothing(_) if sure => Severity::Fault,
            _ => Severity::Warn,
        };
        let own = variables(slot).into_iter().find_map(|name| Some((starter.shown(&name, home)?, name)));
        match (variable, own) {
            (Some(name), None) => {
                let doubt = if sure { "" } else { ", unless its manager was told the variable" };
                let way = "Put the key where the agent reads it at every start, or in an EnvironmentFile= of the service.";
                let message = format!(
                    "{name} is set in this shell and not in {}: {instead}{doubt}. {way}{running}",
                    holder.what
                );
                Lint::of("service-lacks-variable", severity, message)
            }
            (_, Some((place, name))) => {
                let message = format!(
                    "{} has its own {name} in {place}: {instead}, whatever is changed elsewhere. Change it there, then: {}.{running}",
                    holder.what,
                    starter.after_change(&name)
                );
                Lint::of("service-has-another-key", severity, message)
            }
            (None, None) => {
                let message = format!(
                    "{} reads other files or settings than what is started from here: {instead}.{running}",
                    holder.what
                );
                Lint::of("service-has-another-key", severity, message)
            }
        }
    }
}

fn of_compose(holder: &Holder, name: &str) -> Lint {
    let service = &holder.what;
    match &holder.sends {
        Sends::Nothing(why) => Lint::fault(
            "service-lacks-variable",
            format!(
                "{service} has no key: {why}. List {name} under its `environment:`, with the variable set where compose is run or in the project's .env."
            ),
        ),
        _ => Lint::warn(
            "service-has-another-key",
            format!(
                "{service} gets another {name} than this shell has. Change it where compose takes it from, then: docker compose up -d."
            ),
        ),
    }
}

/// The variables that decide for a slot, those of the rows that are used first.
fn variables(slot: &Slot) -> Vec<String> {
    let mut names: Vec<(bool, &str)> = Vec::new();
    for row in &slot.candidates {
        let name = match &row.place {
            Place::Env { name } => name,
            Place::Line { name, .. } if row.source == Source::Dotenv => name,
            _ => continue,
        };
        if !names.iter().any(|(_, known)| known == name) {
            names.push((!matches!(row.state, State::Active { .. }), name));
        }
    }
    names.sort_by_key(|(unused, _)| *unused);
    names.into_iter().map(|(_, name)| name.to_owned()).collect()
}

/// What a holder sends at a slot: `here` is what the agent answers with this shell's variables in the holder's folder,
/// `there` with the holder's own.
fn compared(slot: &Slot, here: &[Slot], there: &[Slot]) -> Sends {
    let id = SlotId::of(slot);
    let (here, there) = (id.find(here), id.find(there));
    let nothing = |slot: &Slot| match &slot.outcome {
        Outcome::Nothing { reason } => Some(reason.clone()),
        _ => None,
    };
    match (here.map(|slot| &slot.outcome), there.map(|slot| &slot.outcome)) {
        (Some(Outcome::Sends { sent: a, .. }), Some(Outcome::Sends { sent: b, .. })) if a.key == b.key => {
            Sends::Same
        }
        (_, Some(Outcome::Sends { sent, .. })) => Sends::Other(sent.key.clone()),
        (Some(Outcome::Nothing { .. }) | None, Some(Outcome::Nothing { .. }) | None) => Sends::Same,
        (Some(Outcome::Sends { .. }), None) => Sends::Nothing("nothing is set there".to_owned()),
        (Some(Outcome::Sends { .. }), Some(Outcome::Nothing { .. })) => {
            Sends::Nothing(there.and_then(nothing).unwrap_or_default())
        }
        (Some(a), Some(b)) if a == b => Sends::Same,
        _ => Sends::Unknown("what it sends is not readable here".to_owned()),
    }
}

/// What a process does for others, by the words of its command.
fn role(process: &Process) -> Option<&'static str> {
    let has = |word: &str| process.args.iter().skip(1).any(|arg| arg.rsplit('/').next() == Some(word));
    let title = process.args.first().map_or("", String::as_str);
    match () {
        () if title.contains("gateway") || has("gateway") || has("gateway.run") => Some("gateway"),
        () if title.contains("hub") || has("--cline-hub-daemon") => Some("hub"),
        () if has("app-server") || has("app-server-daemon") => Some("app server"),
        () if has("serve") || has("server") || title.ends_with("goosed") => Some("server"),
        () if has("proxy") => Some("proxy"),
        () => None,
    }
}

/// `running for 3 days`.
fn running_for(ms: i64) -> String {
    let minutes = ms / 60_000;
    let (count, unit) = match minutes {
        ..1 => return "just started".to_owned(),
        1..120 => (minutes, "minute"),
        120..2880 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    let end = if count == 1 { "" } else { "s" };
    format!("running for {count} {unit}{end}")
}

/// Whether two environments are the same for every agent: where they differ, it is in what no agent's answer depends on.
fn is_same_for_agents(ours: &BTreeMap<String, String>, theirs: &BTreeMap<String, String>) -> bool {
    let differs = |a: &BTreeMap<String, String>, b: &BTreeMap<String, String>| {
        a.iter().any(|(name, value)| is_telling(name) && b.get(name) != Some(value))
    };
    !differs(ours, theirs) && !differs(theirs, ours)
}

/// Whether an agent's answer may depend on a variable, by its name.
fn is_telling(name: &str) -> bool {
    const PARTS: [&str; 15] = [
        "KEY",
        "TOKEN",
        "SECRET",
        "AUTH",
        "BASE",
        "URL",
        "HOST",
        "ENDPOINT",
        "PROVIDER",
        "MODEL",
        "CONFIG",
        "PROFILE",
        "HOME",
        "DIR",
        "CREDENTIAL",
    ];
    const OTHER: [&str; 8] = [
        "SSH_AUTH_SOCK",
        "XAUTHORITY",
        "HOSTNAME",
        "HOSTTYPE",
        "XDG_RUNTIME_DIR",
        "XDG_SESSION_DESKTOP",
        "COLORTERM",
        "MANAGERPID",
    ];
    let begins = ["HERMES_", "OPENCLAW_", "CLAUDE_", "CODEX_", "GOOSE_", "AIDER_", "LITELLM_"];
    let upper = name.to_ascii_uppercase();
    !OTHER.contains(&upper.as_str())
        && (PARTS.iter().any(|part| upper.contains(part))
            || begins.iter().any(|begin| upper.starts_with(begin)))
}
