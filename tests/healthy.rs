//! A healthy home has zero problems, and rows and outcome of every slot agree.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use keymend::agents::{self, Context};
use keymend::finding::{Lint, Severity};
use keymend::provider::Catalogue;
use keymend::resolve::{Outcome, Slot, State};
use keymend::session::{self, Scan};
use keymend::world::{KeyringState, MemoryWorld};
use support::{Scenario, recordings, scenarios};

/// What is wrong with the rows of a slot, measured by its outcome.
fn disagreement(slot: &Slot) -> Option<String> {
    let marked = |at: &usize| matches!(slot.candidates[*at].state, State::Active { .. });
    let marked: Vec<usize> = (0..slot.candidates.len()).filter(marked).collect();
    let beside = |at: usize| match &slot.outcome {
        Outcome::Sends { also, .. } => also.iter().any(|sent| slot.candidates[at].gives(&sent.key)),
        _ => false,
    };
    let unexplained = |at: &&usize| slot.active != Some(**at) && !beside(**at);
    if slot.active.is_some_and(|at| !marked.contains(&at)) || marked.iter().any(|at| unexplained(&at)) {
        return Some(format!("active is {:?}, rows marked {marked:?}", slot.active));
    }
    let wrong_winner = |row: &&keymend::resolve::Candidate| matches!(row.state, State::Shadowed { by, .. } if Some(by) != slot.active);
    if slot.candidates.iter().any(|row| wrong_winner(&row)) {
        return Some("a row is shadowed by one that is not active".to_owned());
    }
    match (&slot.outcome, slot.active_candidate()) {
        (Outcome::Nothing { .. } | Outcome::NotKnown { .. }, Some(_)) => {
            Some("nothing is known to be sent, and a row is active".to_owned())
        }
        // A configured header that is sent without a key is no row, and that two are empty does not make them one.
        (Outcome::Sends { sent, .. }, None)
            if !sent.key.is_empty() && slot.candidates.iter().any(|row| row.gives(&sent.key)) =>
        {
            Some("a row's key is sent, and no row is active".to_owned())
        }
        (Outcome::Sends { sent, .. }, Some(row)) if !row.gives(&sent.key) => {
            Some("the key that is sent is not the active row's".to_owned())
        }
        _ => None,
    }
}

/// What is wrong with the rows of these agents in a world.
fn disagreements(world: &MemoryWorld, catalogue: &Catalogue, agents: &[&agents::Agent]) -> Vec<String> {
    let mut wrong = Vec::new();
    for agent in agents {
        let Some(found) = agent.scan(&Context { world, catalogue }) else { continue };
        for slot in &found.slots {
            if let Some(what) = disagreement(slot) {
                wrong.push(format!("{:?}: {what}", (agent.id, &slot.profile, &slot.agent_provider)));
            }
        }
    }
    wrong
}

#[test]
fn a_row_is_active_exactly_where_its_key_is_sent() {
    let catalogue = Catalogue::embedded();
    let mut wrong = Vec::new();
    for recording in recordings() {
        let found = disagreements(&recording.world(), &catalogue, agents::ALL);
        wrong.extend(found.into_iter().map(|what| format!("{}: {what}", recording.id)));
    }
    assert!(wrong.is_empty(), "{} slots: {wrong:#?}", wrong.len());
}

/// The same where a variable is set to what no key is: the agent stops, sends it, or looks further.
#[test]
fn a_row_is_active_exactly_where_its_key_is_sent_whatever_a_variable_says() {
    let catalogue = Catalogue::embedded();
    let mut wrong = Vec::new();
    for recording in recordings() {
        let Some(agent) = agents::find(&recording.tool) else { continue };
        for name in recording.world().env.keys().filter(|name| *name != "HOME" && *name != "PATH") {
            for value in ["", "12345", "k\n2", "k\u{200b}"] {
                let world = recording.world().with_var(name, value);
                let found = disagreements(&world, &catalogue, &[agent]);
                wrong.extend(
                    found.into_iter().map(|what| format!("{} {name}={value:?}: {what}", recording.id)),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{} slots: {wrong:#?}", wrong.len());
}

/// A fake key of the provider's first form for inference that names it, each `n` another one.
fn good_key(catalogue: &Catalogue, provider: &str, n: usize) -> Option<String> {
    let forms = &catalogue.get(provider)?.keys;
    let form = forms.iter().find(|form| form.inference && !form.oauth)?;
    let numbered = form.example.rfind("FAKE").map(|at| {
        let mut key = form.example.clone();
        key.replace_range(at..at + 4, &format!("{:04x}", 0xa000 + n));
        key
    });
    let fits = |key: &String| form.fits(&keymend::secret::Secret::new(key.as_str()));
    numbered.filter(fits).or_else(|| Some(form.example.clone()))
}

/// The same recording with a key of the right form in the place of every made-up one; none if a key is of a provider
/// whose forms are unknown.
fn with_good_keys(scenario: &Scenario, catalogue: &Catalogue) -> Option<Scenario> {
    let world = scenario.world();
    let agent = agents::find(&scenario.tool)?;
    let found = session::scan(&world, catalogue, &[agent]);
    let mut good: BTreeMap<String, String> = BTreeMap::new();
    for (_, _, slot) in found.slots() {
        for key in slot.candidates.iter().filter_map(|row| row.value.secret()).filter(|key| !key.is_empty()) {
            let text = key.expose(ToOwned::to_owned);
            let n = good.len();
            if let std::collections::btree_map::Entry::Vacant(free) = good.entry(text) {
                free.insert(good_key(catalogue, slot.provider.as_deref()?, n)?);
            }
        }
    }
    let mut text = scenario.json.to_string();
    let mut all: Vec<_> = good.into_iter().collect();
    all.sort_by_key(|(made_up, _)| std::cmp::Reverse(made_up.len()));
    for (made_up, good) in all {
        text = text.replace(&made_up, &good);
    }
    let json = serde_json::from_str(&text).ok()?;
    let (id, tool, provider) = (scenario.id.clone(), scenario.tool.clone(), scenario.provider.clone());
    Some(Scenario { id, tool, provider, json })
}

/// Everything that a scan says above a note, about slots in use.
fn said(scan: &Scan) -> Vec<String> {
    let loud = |lint: &&Lint| lint.severity > Severity::Note;
    let of_slots = scan
        .slots()
        .filter(|(_, _, slot)| slot.in_use)
        .flat_map(|(_, _, slot)| slot.lints.iter().chain(slot.candidates.iter().flat_map(|row| &row.lints)));
    let of_agents = scan.agents.iter().flat_map(|scanned| &scanned.findings.lints);
    let lints = of_slots.chain(of_agents).filter(loud);
    let mut all: Vec<String> = lints.map(|lint| format!("{}: {}", lint.id, lint.message)).collect();
    let troubles = scan.agents.iter().flat_map(|scanned| &scanned.findings.troubles);
    all.extend(troubles.map(|(path, trouble)| format!("trouble: {} {trouble}", path.display())));
    all.dedup();
    all
}

/// `tests/odd_homes.txt`: lines of `tool/id: what the recording has that is odd, by its findings`.
fn odd_homes() -> BTreeMap<String, Vec<String>> {
    let lines = include_str!("odd_homes.txt").lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once(": "));
    pairs.map(|(id, odd)| (id.to_owned(), odd.split(' ').map(ToOwned::to_owned).collect())).collect()
}

/// With a key of the right form in every place, what is still found is what the recording is about.
#[test]
fn a_recorded_home_with_good_keys_has_no_findings_but_its_own_oddity() {
    let catalogue = Catalogue::embedded();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut asked = 0;
    for scenario in scenarios() {
        let Some(good) = with_good_keys(&scenario, &catalogue) else { continue };
        let Some(agent) = agents::find(&scenario.tool) else { continue };
        let world = good.world();
        let scan = session::scan(&world, &catalogue, &[agent]);
        if !scan.slots().any(|(_, _, slot)| slot.in_use && slot.sent().is_some()) {
            continue;
        }
        asked += 1;
        let said = said(&scan);
        if said.is_empty() {
            continue;
        }
        let mut ids: Vec<String> =
            said.iter().filter_map(|line| Some(line.split_once(':')?.0.to_owned())).collect();
        ids.sort();
        ids.dedup();
        let id = format!("{}/{}", scenario.tool, scenario.id);
        println!("{id}: {}", ids.join(" "));
        found.insert(id, ids);
    }
    println!("{asked} homes asked, {} odd", found.len());
    assert!(asked > 200, "{asked} homes are too few to prove anything");
    assert_eq!(found, odd_homes());
}

/// One home of `healthy_homes.txt`.
#[derive(Default)]
struct Home {
    name: String,
    files: Vec<(String, String)>,
    env: Vec<(String, String)>,
    keyring: Vec<(String, String, String)>,
    sends: Vec<String>,
}

fn homes(catalogue: &Catalogue, cwd: &Path, now_ms: i64) -> Vec<Home> {
    let mut homes: Vec<Home> = Vec::new();
    let mut keys = 0;
    let body = include_str!("healthy_homes.txt").split_once("\n\n").unwrap().1;
    for line in body.lines() {
        let line = filled(line, catalogue, &mut keys, cwd, now_ms);
        if let Some(name) = line.strip_prefix("# ").filter(|name| name.contains(": ")) {
            homes.push(Home { name: name.to_owned(), ..Home::default() });
            continue;
        }
        let home = homes.last_mut().unwrap();
        match line.split_once(' ') {
            Some(("~", path)) => home.files.push((path.to_owned(), String::new())),
            Some(("$", pair)) => {
                let (name, value) = pair.split_once('=').unwrap();
                home.env.push((name.to_owned(), value.to_owned()));
            }
            Some(("@", entry)) => {
                let parts: Vec<&str> = entry.splitn(4, ' ').collect();
                home.keyring.push((parts[1].to_owned(), parts[2].to_owned(), parts[3].to_owned()));
            }
            Some((">", slot)) => home.sends.push(slot.to_owned()),
            _ if line.is_empty() => {}
            _ => {
                let text = &mut home.files.last_mut().unwrap().1;
                text.push_str(&line);
                text.push('\n');
            }
        }
    }
    homes
}

fn filled(line: &str, catalogue: &Catalogue, keys: &mut usize, cwd: &Path, now_ms: i64) -> String {
    // A token of a ChatGPT account that ends in a month: header, claims, signature.
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let claims = format!(
        "{{\"exp\":{},\"https://api.openai.com/auth\":{{\"chatgpt_account_id\":\"acct-fake\",\"chatgpt_plan_type\":\"pro\"}}}}",
        now_ms / 1000 + 30 * 86_400
    );
    let jwt = format!("{}.{}.c2ln", engine.encode("{\"alg\":\"none\"}"), engine.encode(claims));
    let mut line = line
        .replace("<jwt>", &jwt)
        .replace("<cwd>", &cwd.to_string_lossy())
        .replace("<future>", &(now_ms + 7_200_000).to_string());
    while let Some(open) = line.find('<') {
        let close = open + line[open..].find('>').unwrap();
        let wanted = line[open + 1..close].to_owned();
        *keys += 1;
        let key = match wanted.split_once(':') {
            Some((provider, kind)) => {
                let forms = &catalogue.get(provider).unwrap().keys;
                forms.iter().find(|form| form.kind == kind).unwrap().example.clone()
            }
            None => good_key(catalogue, &wanted, *keys).unwrap_or_else(|| panic!("no key for {wanted}")),
        };
        line.replace_range(open..=close, &key);
    }
    line
}

fn in_memory(home: &Home) -> MemoryWorld {
    let mut world =
        MemoryWorld::new(support::HOME).with_var("HOME", support::HOME).with_var("PATH", "/usr/bin");
    world.now_ms = support::NOW_MS;
    if home.keyring.is_empty() {
        world.keyring_otherwise = Some(KeyringState::Absent("no session bus".into()));
    }
    for (service, user, value) in &home.keyring {
        let secret = keymend::secret::Secret::new(value.as_str());
        world.keyring.insert((service.clone(), user.clone()), secret);
    }
    for (name, value) in &home.env {
        world = world.with_var(name, value);
    }
    home.files.iter().fold(world, |world, (path, text)| world.with_file(path, text))
}

#[test]
fn a_healthy_home_has_no_findings() {
    let catalogue = Catalogue::embedded();
    let cwd = Path::new(support::HOME).join("work");
    let mut wrong = Vec::new();
    let homes = homes(&catalogue, &cwd, support::NOW_MS);
    for home in &homes {
        let world = in_memory(home);
        let scan = session::scan_all(&world, &catalogue);
        let mut say = |what: String| wrong.push(format!("{}: {what}", home.name));
        said(&scan).into_iter().for_each(&mut say);
        for name in &home.sends {
            let wanted = session::Selector::parse(name);
            let slots: Vec<_> = scan.select(&wanted).into_iter().filter_map(|at| scan.slot(at)).collect();
            if !slots.iter().any(|slot| slot.sent().is_some()) {
                let outcomes: Vec<_> = slots.iter().map(|slot| &slot.outcome).collect();
                say(format!("{name} sends nothing: {outcomes:?}"));
            }
        }
    }
    assert!(homes.len() > 30);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The same through the built program: `check` is quiet and exits with 0. A keyring cannot be asked in a test.
#[test]
fn check_exits_with_0_in_a_healthy_home() {
    let catalogue = Catalogue::embedded();
    let mut wrong = Vec::new();
    let now = keymend::host::real::now_ms();
    let count = homes(&catalogue, Path::new("/"), now).len();
    for at in 0..count {
        let folder = tempfile::tempdir().unwrap();
        let cwd = std::fs::canonicalize(folder.path()).unwrap().join("work");
        std::fs::create_dir(&cwd).unwrap();
        let home = homes(&catalogue, &cwd, now).swap_remove(at);
        if !home.keyring.is_empty() {
            continue;
        }
        for (path, text) in &home.files {
            support::write_file(&folder.path().join(path), text.as_bytes(), None);
        }
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_keymend"));
        command.env_clear().env("HOME", folder.path()).env("PATH", "/usr/bin:/bin").current_dir(&cwd);
        command.envs(home.env.iter().map(|(name, value)| (name, value)));
        let output = command.args(["check", "--offline"]).output().unwrap();
        if output.status.code() != Some(0) {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            wrong.push(format!("{}: {:?}\n{said}", home.name, output.status.code()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
