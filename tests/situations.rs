//! What a person with a 401 meets: a home goes in; the finding, its sentence, the best way out, and what is sent once it was
//! taken come out. One text file a situation under `tests/situations/` (its README says how they are written), one test
//! each: `cargo test --test situations 002-58`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;

use keymend::agents::Context;
use keymend::finding::Severity;
use keymend::plan::{self, SlotId};
use keymend::probe::course::{Consent, Report};
use keymend::probe::verdict::{Kind, Verdict};
use keymend::provider::Catalogue;
use keymend::remedy::{Act, Remedy};
use keymend::secret::Secret;
use keymend::session::diagnosis::{self, Found, Words};
use keymend::session::verdicts::{self, Trial, Verdicts};
use keymend::session::{self, Scan, SlotRef, names};
use keymend::world::{MemoryWorld, Overlay, World};
use libtest_mimic::{Arguments, Failed};
use serde_json::Value as Json;
use support::{HOME, Scenario, recording};

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/situations");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "txt"));
    files.sort();
    let trials = files.into_iter().map(|file| {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        libtest_mimic::Trial::test(name.clone(), move || {
            check(&name, &std::fs::read_to_string(&file).unwrap())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

/// The made-up keys of a situation: `<PROVIDER:LABEL>` is a key of the provider's form (`<PROVIDER/KIND:LABEL>` of this
/// kind), and the label says what a test of it comes to.
#[derive(Default)]
struct Keys(BTreeMap<String, (String, Kind)>);

impl Keys {
    /// The text with keys in the places of their names.
    fn fill(&mut self, text: &str, catalogue: &Catalogue) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, name, after)) = next_name(rest) {
            out += before;
            out += &self.key(name, catalogue);
            rest = after;
        }
        out + rest
    }

    fn key(&mut self, name: &str, catalogue: &Catalogue) -> String {
        if let Some((key, _)) = self.0.get(name) {
            return key.clone();
        }
        let (of, label) = name.split_once(':').unwrap();
        let (provider, kind) =
            of.split_once('/').map_or((of, None), |(provider, kind)| (provider, Some(kind)));
        let forms = &catalogue.get(provider).unwrap_or_else(|| panic!("no provider {provider}")).keys;
        let fits = |kind_of: &str, inference: bool| kind.map_or(inference, |kind| kind_of == kind);
        let form = forms.iter().find(|form| fits(&form.kind, form.inference && !form.oauth));
        let form = form.unwrap_or_else(|| panic!("{provider} has no such form"));
        let hash = label.bytes().fold(7u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        let digits = format!("{:04x}", hash & 0xffff);
        let marked = ["FAKE", "fa4e"].iter().map(|mark| form.example.replacen(mark, &digits, 1));
        let end = form.example.len().saturating_sub(4);
        let tailed = format!("{}{digits}", &form.example[..end]);
        let other = |key: &String| *key != form.example && form.fits(&Secret::new(key.as_str()));
        let key =
            marked.chain([tailed]).find(other).unwrap_or_else(|| panic!("{name}: no other key of its form"));
        self.0.insert(name.to_owned(), (key.clone(), verdict_of(label)));
        key
    }

    fn verdict(&self, key: &Secret) -> Kind {
        let known = self.0.values().find(|(own, _)| key.is(own));
        known.map_or(Kind::Invalid, |(_, kind)| *kind)
    }
}

/// The text before the next `<provider:LABEL>`, the name, and the text behind it.
fn next_name(text: &str) -> Option<(&str, &str, &str)> {
    let word = |text: &str, extra: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
    };
    text.match_indices('<').find_map(|(at, _)| {
        let end = at + text[at..].find('>')?;
        let name = &text[at + 1..end];
        let (provider, label) = name.split_once(':')?;
        let capital = label.starts_with(|c: char| c.is_ascii_uppercase());
        (capital && word(provider, "-_/") && word(label, "")).then(|| (&text[..at], name, &text[end + 1..]))
    })
}

fn verdict_of(label: &str) -> Kind {
    let words = [
        ("GOOD", Kind::Valid),
        ("CREDIT", Kind::NoCredit),
        ("EXPIRED", Kind::Expired),
        ("REVOKED", Kind::Revoked),
        ("LIMIT", Kind::RateLimited),
        ("FORBIDDEN", Kind::Forbidden),
        ("ELSEWHERE", Kind::WrongEndpoint),
        ("GATEWAY", Kind::Gateway),
        ("DOWN", Kind::ProviderDown),
        ("BAD", Kind::Invalid),
    ];
    words
        .into_iter()
        .find(|(word, _)| label.starts_with(word))
        .map_or_else(|| panic!("no verdict is called {label}"), |(_, kind)| kind)
}

/// A home, what is wrong there, and the ways out.
struct Looked {
    scan: Scan,
    chosen: Vec<SlotRef>,
    verdicts: Verdicts,
    found: Vec<Found>,
}

fn look(world: &dyn World, catalogue: &Catalogue, keys: &Keys, what: Option<&str>, tested: bool) -> Looked {
    let scan = session::scan_all(world, catalogue);
    let selector = what.map_or_else(Default::default, |what| names::selector(what, None, catalogue).unwrap());
    let chosen = scan.select(&selector);
    let mut said = Verdicts::default();
    let note = |trials: Vec<Trial>, said: &mut Verdicts| {
        for trial in trials {
            let kind = keys.verdict(&trial.job.key);
            let overall = Verdict::without_answer(&trial.job.provider, kind, format!("the test says {kind}"));
            let report = Report { rows: Vec::new(), overall, untried: Vec::new() };
            trial.slots.iter().for_each(|at| said.note(*at, &trial.job.key, report.clone()));
        }
    };
    if tested {
        let consent = Consent::default();
        note(verdicts::of_sent(&scan, &chosen, catalogue, consent), &mut said);
        note(verdicts::of_others(&scan, &chosen, catalogue, consent, &said), &mut said);
    }
    let words = Words { scan: &scan, catalogue, home: Some(Path::new(HOME)), only: None };
    let found = diagnosis::findings(words, &chosen, &said);
    Looked { scan, chosen, verdicts: said, found }
}

fn check(name: &str, text: &str) -> Result<(), Failed> {
    let catalogue = Catalogue::embedded();
    let mut keys = Keys::default();
    let text = keys.fill(text, &catalogue);
    let json = recording::read("situations", name, &text);
    let field = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    let scenario = Scenario {
        id: name.to_owned(),
        tool: field("tool"),
        provider: field("provider"),
        json: json.clone(),
    };
    let expect = &json["expect"];
    if let Some(runs) = json["run"].as_array() {
        return run(&scenario, runs, expect);
    }
    let world = scenario.world();
    let what = json["what"].as_str();
    let tested = json["offline"] != Json::Bool(true);
    let looked = look(&world, &catalogue, &keys, what, tested);
    let context = Context { world: &world, catalogue: &catalogue };
    let ways = |found: &Found| diagnosis::remedies(context, &looked.scan, found, &looked.verdicts);
    let all: Vec<(&Found, Vec<Remedy>)> = looked.found.iter().map(|found| (found, ways(found))).collect();
    let told = told(&all);
    if std::env::var_os("KEYMEND_SHOW").is_some() {
        println!("{told}");
    }
    judged(expect, &all, &told)?;
    let Some(wanted) = expect.get("sends") else { return Ok(()) };
    let after = after(&world, &catalogue, &all, expect)?;
    sends(&after, &looked, expect, wanted).map_err(|error| format!("{error}\n{told}").into())
}

/// Everything that is said, worst first.
fn told(all: &[(&Found, Vec<Remedy>)]) -> String {
    let mut out = String::new();
    for (found, remedies) in all {
        let severity = found.severity.id();
        out += &format!("{severity} [{}] {}\n", found.id, found.message);
        found.evidence.iter().for_each(|line| out += &format!("    {line}\n"));
        for remedy in remedies {
            out += &format!("    → {} [{}, {}]\n", remedy.title, remedy.way.id(), remedy.forecast.id());
        }
    }
    out
}

fn list(expect: &Json, name: &str) -> Vec<String> {
    match &expect[name] {
        Json::String(text) => vec![text.clone()],
        Json::Array(all) => all.iter().map(|text| text.as_str().unwrap().to_owned()).collect(),
        _ => Vec::new(),
    }
}

fn judged(expect: &Json, all: &[(&Found, Vec<Remedy>)], told: &str) -> Result<(), Failed> {
    let fail = |what: String| Err(Failed::from(format!("{what}\n{told}")));
    if expect["healthy"] == Json::Bool(true) {
        let bad = all.iter().find(|(found, _)| found.problem || found.severity > Severity::Note);
        return bad.map_or(Ok(()), |(found, _)| fail(format!("a healthy home has {}", found.id)));
    }
    let first = match expect["finding"].as_str() {
        Some(id) => all.iter().find(|(found, _)| found.id == id),
        None => all.first(),
    };
    let Some((found, remedies)) = first else { return fail("the finding is missing".to_owned()) };
    let worst = all.first().is_some_and(|(worst, _)| worst.id == found.id);
    if !worst && found.problem && expect["worst"] != Json::Bool(false) {
        return fail(format!("{} is not the first thing that is said", found.id));
    }
    let said = format!("{}\n{}", found.message, found.evidence.join("\n"));
    if let Some(words) = list(expect, "says").iter().find(|words| !said.contains(words.as_str())) {
        return fail(format!("{words:?} is not said"));
    }
    let best = remedies.first();
    if let Some(way) = expect["remedy"].as_str()
        && best.map(|remedy| remedy.way.id()) != Some(way)
    {
        return fail(format!("the best way out is not {way}"));
    }
    let how = best.map_or_else(String::new, |best| match &best.act {
        Act::Run { command } => format!("{} {}", best.title, command.join(" ")),
        Act::Person { how } => format!("{} {}", best.title, how.as_deref().unwrap_or_default()),
        Act::Write { .. } => best.title.clone(),
    });
    if let Some(words) = list(expect, "offers").iter().find(|words| !how.contains(words.as_str())) {
        return fail(format!("{words:?} is not offered"));
    }
    match list(expect, "never").iter().find(|words| told.contains(words.as_str())) {
        Some(words) => fail(format!("{words:?} is said")),
        None => Ok(()),
    }
}

/// The home after the best way out of the finding was taken.
fn after(
    world: &MemoryWorld,
    catalogue: &Catalogue,
    all: &[(&Found, Vec<Remedy>)],
    expect: &Json,
) -> Result<Scan, Failed> {
    let wanted =
        |found: &&(&Found, Vec<Remedy>)| expect["finding"].as_str().is_none_or(|id| found.0.id == id);
    let best = all.iter().find(wanted).and_then(|(_, remedies)| remedies.first());
    let mut overlay = Overlay::new(world);
    match best.map(|best| &best.act) {
        Some(Act::Write { plan, .. }) => plan::lay(&mut overlay, &plan.changes),
        _ => return Err("the best way out writes nothing".into()),
    }
    Ok(session::scan_all(&overlay, catalogue))
}

/// Whether the connection of the situation sends the key that it should.
fn sends(after: &Scan, before: &Looked, expect: &Json, wanted: &Json) -> Result<(), String> {
    let found = before.found.iter().find(|found| expect["finding"].as_str().is_none_or(|id| found.id == id));
    let at = found
        .and_then(|found| found.slots.first())
        .or_else(|| before.chosen.first())
        .ok_or("no connection")?;
    let id = SlotId::of(before.scan.slot(*at).unwrap());
    let slots: Vec<_> = after.slots().map(|(_, _, slot)| slot.clone()).collect();
    let slot = id.find(&slots).ok_or_else(|| format!("{id} is gone"))?;
    match (slot.sent(), wanted.as_str()) {
        (None, None) => Ok(()),
        (Some(sent), Some(key)) if sent.key.is(key) => Ok(()),
        (sent, _) => {
            Err(format!("afterwards {id} sends {:?}", sent.map(|sent| sent.key.mask(None).to_string())))
        }
    }
}

/// The built program in the home on disk.
fn run(scenario: &Scenario, runs: &[Json], expect: &Json) -> Result<(), Failed> {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    let root = tempfile::tempdir().unwrap();
    let (mut command, _) = scenario.on_disk(root.path());
    command.args(runs.iter().map(|word| word.as_str().unwrap()));
    let mut child = command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let input = scenario.text("stdin").unwrap_or_default().to_owned();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    if let Some(words) = list(expect, "prints").iter().find(|words| !said.contains(words.as_str())) {
        return Err(format!("{words:?} is not printed:\n{said}").into());
    }
    if let Some(words) = list(expect, "never").iter().find(|words| said.contains(words.as_str())) {
        return Err(format!("{words:?} is printed:\n{said}").into());
    }
    match expect["exit"].as_i64() {
        Some(code) if out.status.code().map(i64::from) != Some(code) => {
            Err(format!("it ends with {}:\n{said}", out.status).into())
        }
        _ => Ok(()),
    }
}
