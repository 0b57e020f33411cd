//! Plans over a made-up agent: `.env` wins over its configuration, which has an order and profiles.

use super::*;
use crate::agents::{Agent, Context, Findings, Record};
use crate::destination::{Destination, Neighbour, Set};
use crate::formats::dotenv;
use crate::provider::Catalogue;
use crate::resolve::{Chain, Header, Offer, Outcome, Sent};
use crate::secret::Secret;
use crate::source::{Dialect, Format, Pointer, Source, Value};
use crate::world::MemoryWorld;

const OLD: &str = "sk-FAKE-old-0123456789abcdef";
const NEW: &str = "sk-FAKE-new-fedcba9876543210";

static LAB: Agent = Agent {
    id: "lab",
    aliases: &[],
    name: "Lab",
    record: Record::Rules,
    versions: &[],
    looks: &[],
    scan: |context| Some(Findings { slots: vec![slot(context)], ..Findings::default() }),
    destinations: |context, _| places(context).into_iter().map(|place| destination(&place)).collect(),
    switch: crate::agents::no_switch,
    restart: |_, _| None,
};

fn home(context: &Context<'_>) -> PathBuf {
    context.world.home().expect("home").to_owned()
}

fn line(context: &Context<'_>, at: Option<usize>) -> Place {
    Place::Line {
        file: home(context).join(".env"),
        line: at,
        name: "LAB_KEY".into(),
        dialect: Dialect::PythonDotenv,
    }
}

fn profile(context: &Context<'_>, name: &str) -> Place {
    let pointer = Pointer::new(["profiles", name, "key"]);
    Place::Field { file: home(context).join("conf.json"), format: Format::Json, pointer }
}

fn places(context: &Context<'_>) -> Vec<Place> {
    vec![profile(context, "a"), profile(context, "b"), line(context, None)]
}

fn destination(place: &Place) -> Destination {
    let mut neighbours = Vec::new();
    if let Place::Field { file, format, pointer } = place {
        neighbours.push(Neighbour {
            place: Place::Field { file: file.clone(), format: *format, pointer: Pointer::new(["order"]) },
            set: Set::Json(serde_json::json!([pointer.0[1]])),
            why: "the first in order is used".to_owned(),
        });
    }
    Destination { place: place.clone(), effect: "writes it".to_owned(), neighbours }
}

/// `.env` first, then the profile that the order names.
fn slot(context: &Context<'_>) -> Slot {
    let read = |path: PathBuf| context.world.read(&path).text().unwrap_or_default().to_owned();
    let parsed = dotenv::parse(
        Dialect::PythonDotenv,
        read(home(context).join(".env")).as_bytes(),
        &std::collections::BTreeMap::new(),
    );
    let json: serde_json::Value =
        serde_json::from_str(&read(home(context).join("conf.json"))).unwrap_or_default();
    let mut chain = Chain::new();
    let from_env = parsed.get("LAB_KEY");
    let value = Value::of(from_env.map(|found| found.value.clone()));
    chain.push(Offer::usable(
        Source::Dotenv,
        line(context, from_env.map(|found| found.line)),
        value,
        ".env wins",
    ));
    let first = json["order"][0].as_str().unwrap_or("a").to_owned();
    for name in ["a", "b"] {
        let key = json["profiles"][name]["key"].as_str();
        let offer = if name == first { Offer::usable } else { Offer::ignored };
        chain.push(offer(
            Source::AuthProfile,
            profile(context, name),
            Value::of(key),
            "the order decides".to_owned(),
        ));
    }
    let settled = chain.settle();
    let outcome = match settled.key() {
        Some(key) => Outcome::Sends {
            sent: Sent { header: Header::Bearer, key: key.clone() },
            base_url: "https://lab.example".to_owned(),
            also: Vec::new(),
        },
        None => Outcome::Nothing { reason: "no key".to_owned() },
    };
    Slot {
        agent: "lab",
        profile: "default".to_owned(),
        mode: None,
        provider: None,
        agent_provider: "lab".to_owned(),
        in_use: true,
        candidates: settled.candidates,
        active: settled.active,
        outcome,
        lints: Vec::new(),
    }
}

fn world(env: &str, a: &str, b: &str) -> MemoryWorld {
    let conf = format!(
        "{{\n  \"order\": [\"a\"],\n  \"profiles\": {{\n    \"a\": {{\"key\": \"{a}\"}},\n    \"b\": {{\"key\": \"{b}\"}}\n  }}\n}}\n"
    );
    MemoryWorld::new("/home/ann").with_file_mode(".env", env, 0o644).with_file("conf.json", conf)
}

struct Lab {
    world: MemoryWorld,
    catalogue: Catalogue,
}

impl Lab {
    fn new(env: &str, a: &str, b: &str) -> Self {
        Self { world: world(env, a, b), catalogue: Catalogue::default() }
    }

    fn context(&self) -> Context<'_> {
        Context { world: &self.world, catalogue: &self.catalogue }
    }

    fn build(&self, place: &Place) -> Result<Plan, PlanError> {
        let slot = slot(&self.context());
        build(&self.world, &self.catalogue, &LAB, &slot, &destination(place), &Secret::new(NEW))
    }
}

fn shown(plan: &Plan) -> Vec<String> {
    let lines = plan.changes.iter().flat_map(|change| &change.diff);
    let sign = |kind| match kind {
        LineKind::Same => ' ',
        LineKind::Removed => '-',
        LineKind::Added => '+',
        LineKind::Gap => '~',
    };
    lines.map(|line| format!("{}{}", sign(line.kind), line.text)).collect()
}

#[test]
fn a_plan_shows_a_masked_difference_and_what_will_be_sent() {
    let lab = Lab::new(&format!("A=1\nLAB_KEY={OLD}\nOTHER_TOKEN=hunter2hunter2\n"), "", "");
    let plan = lab.build(&line(&lab.context(), Some(2))).expect("plan");
    assert_eq!(plan.prediction(), Some(&Prediction::SendsNew));
    let expected = [" A=1", "-LAB_KEY=…cdef (28)", "+LAB_KEY=…3210 (28)", " OTHER_TOKEN=(14)"];
    assert_eq!(shown(&plan), expected);
    assert_eq!(plan.changes[0].notes, ["mode 0644 → 0600, others could read it"]);
    assert_eq!(plan.old.map(|mask| mask.to_string()).as_deref(), Some("…cdef (28)"));
    assert_eq!(plan.changes[0].after.as_ref().map(|after| after.0.len()), Some(68));
}

#[test]
fn the_default_destination_is_the_first_that_becomes_active() {
    let lab = Lab::new(&format!("LAB_KEY={OLD}\n"), "key-a", "key-b");
    let slot = slot(&lab.context());
    let (offered, default) = destinations(&lab.world, &lab.catalogue, &LAB, &slot, &Secret::new(NEW));
    assert_eq!(default, Some(2));
    let Ok(Prediction::StillSends { place, why, .. }) = &offered[0].outcome else {
        panic!("{:?}", offered[0])
    };
    assert_eq!((place.as_str(), why.as_str()), ("~/.env:1", ".env wins"));
    let lab = Lab::new("", "key-a", "key-b");
    let (offered, default) = destinations(&lab.world, &lab.catalogue, &LAB, &slot, &Secret::new(NEW));
    assert_eq!((offered.len(), default), (3, Some(0)));
}

#[test]
fn neighbours_come_along_with_their_reason() {
    let lab = Lab::new("", "key-a", "key-b");
    let plan = lab.build(&profile(&lab.context(), "b")).expect("plan");
    assert_eq!(plan.prediction(), Some(&Prediction::SendsNew));
    assert_eq!(plan.changes.len(), 1, "one file, one change");
    assert_eq!(plan.changes[0].notes, ["the first in order is used"]);
    assert!(shown(&plan).contains(&"+    \"b\": {\"key\": \"…3210 (28)\"}".to_owned()), "{:?}", shown(&plan));
}

#[test]
fn another_candidate_is_used_by_the_agents_own_choice_or_by_a_copy() {
    let lab = Lab::new("", "key-a", "key-b");
    let used = use_candidate(&lab.world, &lab.catalogue, &LAB, &slot(&lab.context()), 2).expect("plan");
    assert_eq!(used.prediction(), Some(&Prediction::SendsNew));
    assert!(shown(&used).iter().all(|line| !line.contains("key-")), "{:?}", shown(&used));
    assert_eq!(
        shown(&used).iter().filter(|line| line.starts_with(['+', '-'])).count(),
        4,
        "{:?}",
        shown(&used)
    );
    let lab = Lab::new(&format!("LAB_KEY={OLD}\n"), "key-a", "key-b");
    let copied = use_candidate(&lab.world, &lab.catalogue, &LAB, &slot(&lab.context()), 2).expect("plan");
    assert!(copied.notes.iter().any(|note| note.contains("copies")), "{:?}", copied.notes);
    let same = use_candidate(&lab.world, &lab.catalogue, &LAB, &slot(&lab.context()), 0);
    assert!(
        matches!(same, Err(PlanError::NoWay(why)) if why == "candidate 1 is the one that is used already")
    );
}

#[test]
fn a_rotation_changes_every_ticked_place_in_one_plan() {
    let lab = Lab::new(&format!("LAB_KEY={OLD}\n"), OLD, OLD);
    let ticked = [line(&lab.context(), Some(1)), profile(&lab.context(), "b"), line(&lab.context(), Some(1))];
    let agents: [&'static Agent; 1] = [&LAB];
    let plan = rotate(&lab.world, &lab.catalogue, &agents, &Secret::new(OLD), &Secret::new(NEW), &ticked)
        .expect("plan");
    assert_eq!(plan.changes.len(), 2);
    assert_eq!(plan.predictions.len(), 1);
    assert!(plan.predictions[0].prediction.is_new());
    let text = format!("{plan:?}");
    assert!(!text.contains(OLD) && !text.contains(NEW), "a plan never prints a key");
}

#[test]
fn what_cannot_be_written_is_said_with_the_way_out() {
    let lab = Lab::new("", "", "");
    let error = lab.build(&Place::Env { name: "LAB_KEY".into() }).expect_err("refused");
    assert!(matches!(&error, PlanError::NotWritable { hint, .. } if hint.contains("LAB_KEY")), "{error:?}");
    let world = MemoryWorld::new("/home/ann").with_file("conf.json", "{ broken");
    let lab = Lab { world, catalogue: Catalogue::default() };
    let error = lab.build(&profile(&lab.context(), "a")).expect_err("refused");
    assert!(matches!(&error, PlanError::Edit { cause: EditError::Syntax(_), .. }), "{error:?}");
    assert_eq!(error.to_string(), "~/conf.json: the file does not parse: line 1, column 3");
    let lab = Lab::new(&format!("LAB_KEY={NEW}\n"), "", "");
    assert_eq!(lab.build(&line(&lab.context(), Some(1))).map(|plan| plan.title), Err(PlanError::NoChange));
}

#[test]
fn only_the_key_changes_where_it_is_a_part_of_a_text() {
    let bearer = format!("Bearer {OLD}");
    let lab = Lab::new("", &bearer, OLD);
    let ticked = [profile(&lab.context(), "a"), profile(&lab.context(), "b")];
    let agents: [&'static Agent; 1] = [&LAB];
    let (old, new) = (Secret::new(OLD), Secret::new(NEW));
    let plan = rotate(&lab.world, &lab.catalogue, &agents, &old, &new, &ticked).expect("plan");
    let after = plan.changes[0].after.as_ref().expect("content");
    let after = String::from_utf8_lossy(&after.0);
    assert!(after.contains(&format!("\"Bearer {NEW}\"")) && !after.contains(OLD), "{after}");
    assert_eq!(plan.places.len(), 2);
}

#[test]
fn a_rotation_refuses_a_place_where_the_key_is_not_written_as_it_is_sent() {
    let lab = Lab::new("", "${LAB_KEY}", OLD);
    let ticked = [profile(&lab.context(), "a")];
    let agents: [&'static Agent; 1] = [&LAB];
    let refused = rotate(&lab.world, &lab.catalogue, &agents, &Secret::new(OLD), &Secret::new(NEW), &ticked);
    assert!(matches!(refused, Err(PlanError::NotWritable { .. })), "{:?}", refused.map(|plan| plan.title));
    let gone = [Place::Line {
        file: home(&lab.context()).join(".env"),
        line: Some(7),
        name: "GONE".into(),
        dialect: Dialect::PythonDotenv,
    }];
    let refused = rotate(&lab.world, &lab.catalogue, &agents, &Secret::new(OLD), &Secret::new(NEW), &gone);
    assert!(matches!(refused, Err(PlanError::NotWritable { why, .. }) if why.contains("any more")));
}

#[test]
fn a_rotation_changes_no_choices() {
    // The order names a; b holds the key as well and stays where it is in the order.
    let lab = Lab::new("", "another-key-0123", OLD);
    let ticked = [profile(&lab.context(), "b")];
    let agents: [&'static Agent; 1] = [&LAB];
    let plan = rotate(&lab.world, &lab.catalogue, &agents, &Secret::new(OLD), &Secret::new(NEW), &ticked)
        .expect("plan");
    let after = plan.changes[0].after.as_ref().expect("content");
    assert!(String::from_utf8_lossy(&after.0).contains(r#""order": ["a"]"#));
}

#[test]
fn one_file_reached_by_two_paths_is_one_change() {
    let mut lab = Lab::new(&format!("LAB_KEY={OLD}\n"), "", "");
    let real = home(&lab.context()).join(".env");
    let state = lab.world.files[&real].clone();
    lab.world.files.insert(home(&lab.context()).join("link/.env"), state);
    let line = |file: &str, dialect| Place::Line {
        file: home(&lab.context()).join(file),
        line: Some(1),
        name: "LAB_KEY".into(),
        dialect,
    };
    let ticked = [line("link/.env", Dialect::NodeDotenv), line(".env", Dialect::PythonDotenv)];
    let agents: [&'static Agent; 1] = [&LAB];
    let plan = rotate(&lab.world, &lab.catalogue, &agents, &Secret::new(OLD), &Secret::new(NEW), &ticked)
        .expect("plan");
    assert_eq!(plan.changes.len(), 1);
}

#[test]
fn a_key_is_read_at_its_place_whatever_the_file() {
    let lab = Lab::new(&format!("LAB_KEY={OLD}\n"), "key-a", "");
    let at = |place: &Place| key_at(&lab.world, place);
    assert_eq!(at(&line(&lab.context(), None)), Some(Secret::new(OLD)));
    assert_eq!(at(&profile(&lab.context(), "a")), Some(Secret::new("key-a")));
    assert_eq!(at(&Place::Env { name: "LAB_KEY".into() }), None);
    assert_eq!(at(&Place::File { file: home(&lab.context()).join("nowhere") }), None);
}
