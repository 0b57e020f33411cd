//! A machine made by hand: two agents with faults of every kind, one healthy, one without slots.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use keymend::agents::{Agent, Certainty, Context, Findings, Record, Restart};
use keymend::destination::Destination;
use keymend::edit::{DiffLine, LineKind};
use keymend::finding::{Lint, Severity, Way};
use keymend::host::writer::{Applied, Back, Since};
use keymend::plan::{Change, Content, Hash, Offered, Plan, PlanError, Predicted, Prediction, SlotId, Target};
use keymend::provider::Catalogue;
use keymend::remedy::{Act, Forecast, Remedy};
use keymend::resolve::{Chain, Header, Mode, Offer, Outcome, Sent, Slot};
use keymend::secret::Secret;
use keymend::session::diagnosis::Found;
use keymend::session::write::{Left, Now, OldKey, PlaceNow, Written};
use keymend::session::{Scan, Scanned};
use keymend::source::{Dialect, Format, Place, Pointer, Source, Value};
use keymend::tui::app::{Model, update};
use keymend::tui::core::Options;
use keymend::tui::known::{FileFacts, Grade, Judged, Scanning, Tested, Ticket, WayTried};
use keymend::tui::message::{Effect, Mending, Message, Past, Undoing};
use keymend::world::Trouble;

/// The home folder of the fixture.
pub const HOME: &str = "/home/ann";
/// The clock.
pub const NOW_MS: i64 = 1_795_251_600_000;

/// A key of the right form that is obviously no real one; `fill` fills the hidden part.
pub fn key(prefix: &str, fill: char, tail: &str, length: usize) -> String {
    let hidden = length - prefix.len() - tail.len();
    format!("{prefix}{}{tail}", fill.to_string().repeat(hidden))
}

pub fn stale() -> String {
    key("sk-ant-api03-", 'Q', "VAAA", 108)
}

pub fn fresh() -> String {
    key("sk-ant-api03-", 'Z', "k3AA", 108)
}

pub fn other() -> String {
    key("sk-ant-api03-", 'W', "x9AA", 108)
}

pub fn router() -> String {
    key("sk-or-v1-", 'e', "77aa", 73)
}

/// A key that is nowhere on the machine yet.
pub fn brand() -> String {
    key("sk-ant-api03-", 'N', "n3AA", 108)
}

/// Every whole key that is planted, for the leak test.
pub fn planted() -> Vec<String> {
    vec![stale(), fresh(), other(), router(), brand()]
}

fn no_scan(_: &Context<'_>) -> Option<Findings> {
    None
}

fn no_destinations(_: &Context<'_>, _: &Slot) -> Vec<Destination> {
    Vec::new()
}

fn no_restart(_: &Context<'_>, _: &Slot) -> Option<Restart> {
    None
}

const fn agent(id: &'static str, name: &'static str, record: Record) -> Agent {
    Agent {
        id,
        aliases: &[],
        name,
        record,
        versions: &["1.0"],
        looks: &[],
        scan: no_scan,
        destinations: no_destinations,
        switch: keymend::agents::no_switch,
        restart: no_restart,
    }
}

static HERMES: Agent = agent("hermes", "Hermes Agent", Record::Rules);
static OPENCLAW: Agent = agent("openclaw", "OpenClaw", Record::Rules);
static CODEX: Agent = agent("codex", "Codex", Record::Rules);
static ZED: Agent = agent("zed", "Zed", Record::FoundOnly);

fn env(name: &str) -> Place {
    Place::Env { name: name.into() }
}

fn line(file: &str, line: Option<usize>, name: &str) -> Place {
    let file = Path::new(HOME).join(file);
    Place::Line { file, line, name: name.into(), dialect: Dialect::PythonDotenv }
}

fn field<const N: usize>(file: &str, steps: [&str; N]) -> Place {
    Place::Field { file: Path::new(HOME).join(file), format: Format::Json, pointer: Pointer::new(steps) }
}

fn present(text: impl Into<String>) -> Value {
    Value::Present(Secret::new(text))
}

struct Made {
    agent: &'static str,
    profile: &'static str,
    mode: Option<Mode>,
    provider: &'static str,
    in_use: bool,
    header: Header,
    base_url: &'static str,
    lints: Vec<Lint>,
}

impl Made {
    fn slot(self, chain: Chain) -> Slot {
        let settled = chain.settle();
        let outcome = match (settled.key().cloned(), settled.stopped.clone()) {
            (Some(key), _) => Outcome::Sends {
                sent: Sent { header: self.header, key },
                base_url: self.base_url.into(),
                also: Vec::new(),
            },
            (None, Some(reason)) => Outcome::Nothing { reason },
            (None, None) => Outcome::Nothing { reason: "no key was found".into() },
        };
        Slot {
            agent: self.agent,
            profile: self.profile.into(),
            mode: self.mode,
            provider: Some(self.provider.into()),
            agent_provider: self.provider.into(),
            in_use: self.in_use,
            candidates: settled.candidates,
            active: settled.active,
            outcome,
            lints: self.lints,
        }
    }
}

fn anthropic(agent: &'static str, profile: &'static str) -> Made {
    Made {
        agent,
        profile,
        mode: None,
        provider: "anthropic",
        in_use: true,
        header: Header::raw("x-api-key"),
        base_url: "https://api.anthropic.com",
        lints: Vec::new(),
    }
}

fn hermes() -> Findings {
    let mut chain = Chain::new();
    let shell = "the environment is read before the file";
    chain.push(Offer::usable(Source::Env, env("ANTHROPIC_API_KEY"), present(stale()), shell).lint(
        Lint::warn(
            "empty-hides",
            "This variable hides the key in ~/.hermes/.env. It was set in ~/.bashrc:41.",
        ),
    ));
    chain.push(Offer::usable(
        Source::Dotenv,
        line(".hermes/.env", Some(3), "ANTHROPIC_API_KEY"),
        present(fresh()),
        "the file is read after the environment",
    ));
    chain.push(Offer::usable(Source::Pool, field(".hermes/auth.json", ["pool"]), Value::Unset, ""));
    let first = anthropic("hermes", "default").slot(chain);

    let mut chain = Chain::new();
    let place = line(".hermes/.env", Some(7), "OPENROUTER_API_KEY");
    chain.push(Offer::usable(Source::Dotenv, place, present(router()), "the only source that is set"));
    let made = Made {
        provider: "openrouter",
        in_use: false,
        header: Header::Bearer,
        base_url: "https://openrouter.ai/api/v1",
        ..anthropic("hermes", "default")
    };
    let second = made.slot(chain);
    let rules = "read from the installed 0.19.0".to_owned();
    Findings {
        found: vec!["hermes on PATH".into()],
        rules,
        slots: vec![first, second],
        ..Findings::default()
    }
}

fn openclaw() -> Findings {
    const STORE: &str = ".openclaw/agents/main/agent/auth-profiles.json";
    let mut chain = Chain::new();
    let named = |name: &str, text: String, why: &str| {
        let place = field(STORE, ["profiles", name, "key"]);
        Offer::usable(Source::AuthProfile, place, present(text), why).named(name)
    };
    chain.push(named("anthropic:default", stale(), "first in auth.order"));
    chain.push(named("anthropic:manual", stale(), "next in auth.order"));
    chain.push(
        Offer::usable(Source::Env, env("ANTHROPIC_API_KEY"), present(other()), "")
            .shadowed_because("the environment is read only when no profile is stored"),
    );
    chain.push(Offer::usable(
        Source::Dotenv,
        line(".openclaw/.env", None, "ANTHROPIC_API_KEY"),
        Value::Unset,
        "",
    ));
    let first = anthropic("openclaw", "main").slot(chain);
    let mut chain = Chain::new();
    let hidden = Value::Reference("op://Private/OpenAI/key".into());
    chain.push(Offer::ignored(
        Source::Config,
        field(".openclaw/openclaw.json", ["k"]),
        hidden,
        "no helper runs",
    ));
    chain.push(Offer::stops(
        Source::Env,
        env("OPENAI_API_KEY"),
        present(""),
        "OPENAI_API_KEY is set but empty",
    ));
    let made = Made { provider: "openai", in_use: false, ..anthropic("openclaw", "main") };
    let second = made.slot(chain);
    let mut gemini =
        Made { provider: "gemini", in_use: false, ..anthropic("openclaw", "work") }.slot(Chain::new());
    gemini.outcome = Outcome::NotKnown { reason: "which store this version reads is unknown".into() };
    let trouble = Trouble::Syntax("line 14: a comma is missing".into());
    Findings {
        rules: "recorded from 2026.6.1; the installed version could not be read".into(),
        slots: vec![first, second, gemini],
        troubles: vec![(PathBuf::from(HOME).join(".openclaw/agents/work/agent/auth.json"), trouble)],
        ..Findings::default()
    }
}

fn codex() -> Findings {
    let slots = [Mode::Headless, Mode::Interactive].map(|mode| {
        let mut chain = Chain::new();
        if mode == Mode::Headless {
            chain.push(Offer::usable(Source::Env, env("CODEX_API_KEY"), Value::Unset, ""));
        }
        chain.push(Offer::usable(Source::Env, env("OPENAI_API_KEY"), Value::Unset, ""));
        Made { mode: Some(mode), provider: "openai", in_use: false, ..anthropic("codex", "default") }
            .slot(chain)
    });
    Findings { slots: slots.into(), ..Findings::default() }
}

/// The whole fixture.
pub fn scanning() -> Scanning {
    let scanned = |agent, findings| Scanned { agent, findings };
    let scan = Scan::of(
        vec![
            scanned(&HERMES, hermes()),
            scanned(&OPENCLAW, openclaw()),
            scanned(&CODEX, codex()),
            scanned(&ZED, Findings::default()),
        ],
        &Catalogue::embedded(),
    );
    let file = |path: &str, mode, days: i64| {
        (PathBuf::from(HOME).join(path), FileFacts { mode, mtime_ms: NOW_MS - days * 86_400_000 })
    };
    let files =
        [file(".hermes/.env", 0o644, 2), file(".openclaw/agents/main/agent/auth-profiles.json", 0o600, 190)];
    Scanning {
        scan,
        files: files.into(),
        home: Some(HOME.into()),
        agreed: Vec::new(),
        now_ms: NOW_MS,
        took_ms: 14,
    }
}

/// A wizard before its first scan.
pub fn blank(size: (u16, u16)) -> (Model, Ticket) {
    let options = Options { colour: true, ascii: false, motion: true, offline: false };
    let (model, effects) = Model::new(Arc::new(Catalogue::embedded()), size, options);
    let Some(Effect::Scan(ticket)) = effects.first() else {
        unreachable!("no scan was asked for: {effects:?}")
    };
    (model, *ticket)
}

/// A wizard that knows the fixture.
pub fn model(size: (u16, u16)) -> Model {
    let (mut model, ticket) = blank(size);
    update(&mut model, Message::Scanned(ticket, Box::new(scanning())));
    model
}

/// An answer that rejects the key.
pub fn rejected() -> Judged {
    Judged {
        id: "invalid",
        grade: Grade::Rejected,
        line: "401 invalid x-api-key".into(),
        meaning: "The provider does not know this key: it was revoked, or mistyped.".into(),
        next: "Make a new key in the console and enter it here.".into(),
        answered_by: Some("Anthropic".into()),
        latency_ms: Some(212),
        evidence: vec![("error type".into(), "authentication_error".into())],
        ..Judged::default()
    }
}

/// An answer that proves the key.
pub fn works() -> Judged {
    Judged {
        id: "valid",
        grade: Grade::Works,
        line: "200 14 models".into(),
        meaning: "The provider accepts this key.".into(),
        next: String::new(),
        answered_by: Some("Anthropic".into()),
        latency_ms: Some(180),
        evidence: vec![("request id".into(), "req_011".into())],
        ..Judged::default()
    }
}

/// An answer that rejects the key, with addresses of the same company left to ask.
pub fn refused_here() -> Judged {
    Judged {
        meaning: "refused at api.anthropic.com; the key may belong to another address of Anthropic \
                  (west.anthropic.example)."
            .into(),
        untried: vec!["west.anthropic.example".into()],
        ..rejected()
    }
}

/// What came of asking there, too.
pub fn belongs_elsewhere() -> Judged {
    let way = |way: &str, id, grade, status| WayTried { way: way.into(), id, grade, status: Some(status) };
    Judged {
        id: "wrong_endpoint",
        meaning: "The key belongs to west.anthropic.example, not to api.anthropic.com.".into(),
        worth: vec![("label".into(), "work".into()), ("remaining".into(), "7.5".into())],
        rows: vec![
            way("provider · api.anthropic.com", "invalid", Grade::Rejected, 401),
            way("other address of the company · west.anthropic.example", "valid", Grade::Works, 200),
        ],
        ..rejected()
    }
}

/// No answer.
pub fn unreached() -> Judged {
    Judged {
        id: "network",
        grade: Grade::Unproven,
        line: "connection refused by api.anthropic.com:443".into(),
        meaning: "Nothing answered, so nothing is known about the key.".into(),
        next: "Check the connection and test again.".into(),
        answered_by: None,
        latency_ms: None,
        evidence: Vec::new(),
        ..Judged::default()
    }
}

/// Gives the answers of `judge` to every test that `effects` ask for.
pub fn answer(
    model: &mut Model,
    effects: Vec<Effect>,
    judge: impl Fn(&Secret) -> Option<Judged>,
) -> Vec<Effect> {
    let mut further = Vec::new();
    for effect in effects {
        let Effect::Probe(ticket, jobs) = effect else { continue };
        for job in jobs {
            if let Some(judged) = judge(&job.key) {
                let tested: Tested = job.tested;
                further.extend(update(model, Message::Judged(ticket, tested, judged)));
            }
        }
    }
    further
}

/// Where the new key of OpenClaw's main profile could go.
pub fn offered() -> (Vec<Offered>, Option<usize>) {
    const STORE: &str = ".openclaw/agents/main/agent/auth-profiles.json";
    let offer = |place, effect: &str, outcome| {
        let destination = Destination { place, effect: effect.into(), neighbours: Vec::new() };
        Offered { destination, outcome }
    };
    let still = Prediction::StillSends {
        place: "profile anthropic:default".into(),
        key: Secret::new(stale()).mask(None),
        why: "first in auth.order".into(),
    };
    let refused = PlanError::NotWritable {
        place: "ANTHROPIC_API_KEY".into(),
        why: "it is set in the shell that started keymend".into(),
        hint: "change it in ~/.bashrc".into(),
    };
    let list = vec![
        offer(
            field(STORE, ["profiles", "anthropic:default", "key"]),
            "replaces the key of the active profile",
            Ok(Prediction::SendsNew),
        ),
        offer(line(".openclaw/.env", None, "ANTHROPIC_API_KEY"), "adds a line to the file", Ok(still)),
        offer(env("ANTHROPIC_API_KEY"), "changes the environment", Err(refused)),
    ];
    (list, Some(0))
}

/// The plan for it.
pub fn plan() -> Arc<Plan> {
    const STORE: &str = ".openclaw/agents/main/agent/auth-profiles.json";
    let line = |kind, text: &str| DiffLine { kind, text: text.into() };
    let path = PathBuf::from(HOME).join(STORE);
    let slot = SlotId {
        agent: "openclaw",
        profile: "main".into(),
        mode: None,
        provider: Some("anthropic".into()),
        agent_provider: "anthropic".into(),
    };
    let change = Change {
        target: Target::File { path: path.clone(), real: path, mode: None, lock: None },
        before: Some(Hash::of(b"x")),
        after: Some(Content::new(b"y".to_vec())),
        touched: None,
        diff: vec![
            line(LineKind::Same, "    \"anthropic:default\": {"),
            line(LineKind::Same, "      \"type\": \"api_key\","),
            line(LineKind::Removed, "      \"key\": \"sk-ant-api03-…VAAA (108)\""),
            line(LineKind::Added, "      \"key\": \"sk-ant-api03-…k3AA (108)\""),
            line(LineKind::Same, "    },"),
        ],
        notes: vec!["the lock that OpenClaw takes is taken".into()],
    };
    Arc::new(Plan {
        title: "set openclaw/anthropic (main)".into(),
        slot: Some(slot.clone()),
        old: Some(Secret::new(stale()).mask(None)),
        replaced: Some(Secret::new(stale())),
        new: Secret::new(fresh()).mask(None),
        places: vec![field(STORE, ["profiles", "anthropic:default", "key"])],
        changes: vec![change],
        predictions: vec![Predicted { slot, prediction: Prediction::SendsNew, sends_now: true }],
        notes: vec!["replaces the key of the active profile".into()],
        losses: Vec::new(),
        guarded: false,
    })
}

/// What the write came to.
pub fn written() -> Written {
    const STORE: &str = ".openclaw/agents/main/agent/auth-profiles.json";
    let restart = Restart {
        what: "OpenClaw gateway (pid 4711, started 3 hours before the change)".into(),
        certainty: Certainty::MayHold,
        command: Some(["systemctl", "--user", "restart", "openclaw-gateway"].map(String::from).into()),
        processes: Vec::new(),
    };
    let plan = plan();
    let now = plan.predictions.iter().map(|predicted| Now {
        slot: predicted.slot.clone(),
        sends: Some(Secret::new(fresh()).mask(None)),
        is_new: true,
        restart: Some(restart.clone()),
    });
    Written {
        applied: Applied { id: "20261121-090000".into(), notes: Vec::new() },
        now: now.collect(),
        places: vec![PlaceNow {
            place: field(STORE, ["profiles", "anthropic:default", "key"]),
            new_there: true,
            old_gone: true,
        }],
        left: vec![Left {
            place: env("ANTHROPIC_API_KEY"),
            holds: true,
            why: Some("was set before keymend started; change it where it is set".into()),
        }],
        copies: vec![PathBuf::from(HOME).join(".bash_history")],
        old: Some(OldKey {
            key: Secret::new(stale()),
            provider: Some("anthropic".into()),
            senders: Vec::new(),
            processes: Vec::new(),
        }),
    }
}

/// What an undo of the newest action would change.
pub fn undoing(conflict: bool) -> Undoing {
    let Some(change) = plan().changes.first().cloned() else { unreachable!() };
    let swap = |line: DiffLine| DiffLine {
        kind: match line.kind {
            LineKind::Removed => LineKind::Added,
            LineKind::Added => LineKind::Removed,
            other => other,
        },
        ..line
    };
    Undoing {
        id: "3".into(),
        title: "set openclaw/anthropic (main)".into(),
        how: Back::Exact,
        places: vec![(
            "~/.openclaw/agents/main/agent/auth-profiles.json".into(),
            change.diff.into_iter().map(swap).collect(),
        )],
        conflict,
        interrupted: false,
    }
}

/// The machine after the write.
pub fn scanning_after() -> Scanning {
    let mut scanning = scanning();
    for scanned in &mut scanning.scan.agents {
        let slots = scanned.findings.slots.iter_mut().filter(|slot| slot.profile == "main");
        for candidate in slots.flat_map(|slot| slot.candidates.iter_mut().take(1)) {
            if candidate.value.secret().is_some_and(|key| key.is(&stale())) {
                candidate.value = present(fresh());
            }
        }
        for slot in scanned.findings.slots.iter_mut().filter(|slot| slot.profile == "main") {
            if let Outcome::Sends { sent, .. } = &mut slot.outcome {
                sent.key = Secret::new(fresh());
            }
        }
    }
    scanning
}

/// The journal.
pub fn history() -> Vec<Past> {
    let past = |id: &str, minutes: i64, title: &str, state: &str| Past {
        id: id.into(),
        when_ms: NOW_MS - minutes * 60_000,
        title: title.into(),
        places: vec![(
            "~/.openclaw/agents/main/agent/auth-profiles.json".into(),
            if minutes == 1 { Since::OldIsBack } else { Since::AsWritten },
        )],
        state: state.into(),
        can_undo: state == "written",
        lost: minutes == 1,
        kept: "Backups hold old keys; they are kept 30 days or 20 actions.".into(),
    };
    vec![
        past("3", 1, "set openclaw/anthropic (main)", "written"),
        past("2", 180, "rotate sk-or-v1-…77aa (73) in 3 places", "undone"),
        past("1", 6000, "set hermes/openrouter", "written"),
    ]
}

/// A machine with agents and no key.
pub fn scanning_empty() -> Scanning {
    let mut scanning = scanning();
    for slot in scanning.scan.agents.iter_mut().flat_map(|scanned| &mut scanned.findings.slots) {
        slot.active = None;
        slot.outcome = Outcome::Nothing { reason: "no key was found".into() };
        for candidate in &mut slot.candidates {
            candidate.value = Value::Unset;
            candidate.state = keymend::resolve::State::Unset;
            candidate.lints.clear();
        }
    }
    scanning.scan = Scan::of(scanning.scan.agents, &Catalogue::embedded());
    scanning
}

/// Slots that a key would fill: one of an agent that is here, one of an agent that is not.
pub fn plausible() -> Vec<(&'static Agent, Slot)> {
    static AIDER: Agent = agent("aider", "Aider", Record::Rules);
    let slot = |agent| {
        Made { provider: "deepseek", in_use: false, ..anthropic(agent, "default") }.slot(Chain::new())
    };
    vec![(&HERMES, slot("hermes")), (&AIDER, slot("aider"))]
}

/// A refused key with a good one beside it, and the ways out.
pub fn mending() -> Vec<Mending> {
    let found = Found {
        id: "good-key-beside",
        severity: Severity::Fault,
        message: "C sk-ant-api03-…mVAA (108) from anthropic:default in ~/.openclaw/agents/main/agent/auth-profiles.json: the \
                  provider does not know this key (401)"
            .to_owned(),
        evidence: vec![
            "A sk-ant-api03-…k3AA (108) in ANTHROPIC_API_KEY of this shell works and is not sent: a stored profile takes \
             precedence"
                .to_owned(),
        ],
        more: Vec::new(),
        slots: Vec::new(),
        candidate: None,
        in_use: true,
        problem: true,
    };
    let used = Remedy {
        way: Way::Use,
        title: "use source 2: ANTHROPIC_API_KEY of this shell, which works".to_owned(),
        forecast: Forecast::Works,
        act: Act::Write { plan: Box::new(Plan::clone(&plan())), key: Some(Secret::new(fresh())) },
    };
    let made = Remedy {
        way: Way::NewKey,
        title: "make a new key at https://platform.claude.com/settings/keys".to_owned(),
        forecast: Forecast::NewKey,
        act: Act::Person { how: Some("keymend set openclaw/anthropic".to_owned()) },
    };
    vec![(found, vec![used, made])]
}
