//! Rules of the recordings that need a keyring, a mode or a combination.

use super::AGENT;
use crate::agents::Context;
use crate::formats::sealed::Store;
use crate::plan::{self, Prediction};
use crate::provider::Catalogue;
use crate::resolve::{Mode, Outcome, Slot};
use crate::secret::Secret;
use crate::source::SealedEntry;
use crate::world::{KeyringState, Machine, MemoryWorld, Os};

fn slots(world: &MemoryWorld) -> Vec<Slot> {
    let catalogue = Catalogue::embedded();
    super::AGENT.scan(&Context { world, catalogue: &catalogue }).expect("findings").slots
}

fn answer(world: &MemoryWorld) -> String {
    match &slots(world)[0].outcome {
        Outcome::Sends { sent, base_url, also } => {
            let all = std::iter::once(sent).chain(also);
            let keys: Vec<String> = all
                .map(|one| format!("{}={}", one.header.name(), one.key.expose(ToOwned::to_owned)))
                .collect();
            format!("{} {base_url}", keys.join(" "))
        }
        Outcome::Nothing { reason } => format!("nothing: {reason}"),
        Outcome::Hidden { .. } => "hidden".to_owned(),
        Outcome::NotKnown { .. } => "not known".to_owned(),
    }
}

fn trusted() -> MemoryWorld {
    let mut world = MemoryWorld::new("/h").with_var("GEMINI_CLI_TRUST_WORKSPACE", "true");
    world.keyring_otherwise = Some(KeyringState::Absent("none".into()));
    world
}

fn selected(world: MemoryWorld, kind: &str) -> MemoryWorld {
    world.with_file(
        ".gemini/settings.json",
        format!(r#"{{"security":{{"auth":{{"selectedType":"{kind}"}}}}}}"#),
    )
}

const API: &str = "https://generativelanguage.googleapis.com";

#[test]
fn a_setting_beats_every_variable() {
    let world = trusted().with_var("GEMINI_API_KEY", "K").with_var("GOOGLE_API_KEY", "G");
    let login = r#"{"access_token":"LOGIN","expiry_date":4102444800000}"#;
    let world =
        world.with_file(".gemini/oauth_creds.json", login).with_var("GOOGLE_GENAI_USE_VERTEXAI", "true");
    assert_eq!(answer(&world), "x-goog-api-key=G https://aiplatform.googleapis.com");
    let world = selected(world, "gemini-api-key");
    assert_eq!(answer(&world), format!("x-goog-api-key=K {API}"));
    let world = selected(world, "oauth-personal");
    assert_eq!(answer(&world), "authorization=LOGIN https://cloudcode-pa.googleapis.com");
    let workspace = r#"{"security":{"auth":{"selectedType":"gemini-api-key"}}}"#;
    let world = world.with_file("work/.gemini/settings.json", workspace);
    assert_eq!(answer(&world), format!("x-goog-api-key=K {API}"));
}

#[test]
fn the_stored_key_is_read_where_a_type_is_selected() {
    let entry = r#"{"token":{"accessToken":"RING"}}"#;
    let mut world = trusted();
    world.keyring.insert(("gemini-cli-api-key".into(), "default-api-key".into()), Secret::new(entry));
    assert!(answer(&world).starts_with("nothing: Please set an Auth method"));
    let world = selected(world, "gemini-api-key");
    assert_eq!(answer(&world), format!("x-goog-api-key=RING {API}"));
    let sealed =
        selected(trusted(), "gemini-api-key").with_file(".gemini/gemini-credentials.json", "00:11:22");
    assert_eq!(answer(&sealed), "hidden", "without the machine's names nothing can be said");
    let mut reachable = sealed;
    reachable.keyring_otherwise = Some(KeyringState::Missing);
    assert!(answer(&reachable).starts_with("nothing: When using Gemini API"));
}

/// A home whose key is in the encrypted store, on the machine that made it.
fn with_store(store: &str) -> MemoryWorld {
    let mut world = selected(trusted(), "gemini-api-key").with_file(".gemini/gemini-credentials.json", store);
    world.machine = Some(Machine { host: "lab".into(), user: "ann".into() });
    world
}

const STORE: &str = include_str!("../../formats/sealed/made_by_node_12.txt");
const STORED: &str = "AIzaSyFAKEFAKEFAKEFAKEFAKEFAKEFAKE1234";

#[test]
fn the_encrypted_store_is_opened_as_gemini_does() {
    assert_eq!(answer(&with_store(STORE)), format!("x-goog-api-key={STORED} {API}"));
    let over = with_store(STORE).with_var("GEMINI_API_KEY", "K");
    assert_eq!(answer(&over), format!("x-goog-api-key=K {API}"));
    let empty = with_store(STORE).with_var("GEMINI_API_KEY", "");
    assert_eq!(answer(&empty), format!("x-goog-api-key={STORED} {API}"));
    let mut moved = with_store(STORE);
    moved.machine = Some(Machine { host: "another".into(), user: "ann".into() });
    assert!(answer(&moved).starts_with("nothing: the stored key cannot be opened"), "{}", answer(&moved));
    assert!(
        answer(&with_store(&format!("{STORE}\n"))).starts_with("nothing: the stored key cannot be opened")
    );
}

#[test]
fn a_new_key_goes_into_the_encrypted_store_and_the_other_entries_stay() {
    let world = with_store(STORE);
    let catalogue = Catalogue::embedded();
    let slot = slots(&world).remove(0);
    let new = Secret::new("AIzaSyNEWFAKENEWFAKENEWFAKENEWFAKENEW12");
    let (offered, default) = plan::destinations(&world, &catalogue, &AGENT, &slot, &new);
    assert_eq!(default, Some(0), "{offered:?}");
    let plan = plan::build(&world, &catalogue, &AGENT, &slot, &offered[0].destination, &new).expect("plan");
    assert!(plan.prediction().is_some_and(Prediction::is_new), "{:?}", plan.predictions);
    let shown: Vec<&str> = plan.changes[0].diff.iter().map(|line| line.text.as_str()).collect();
    assert!(shown.iter().any(|line| line.contains("accessToken")), "the text inside is shown: {shown:?}");
    let after = plan.changes[0].after.as_ref().expect("content");
    let text = std::str::from_utf8(&after.0).expect("text");
    let store = Store::open(text, world.machine.as_ref()).expect("open");
    let entry =
        |service: &str, account: &str| SealedEntry { service: service.into(), account: account.into() };
    assert_eq!(store.get(&entry("gemini-cli-oauth", "main-account")), Some("{\"a\":1}"));
    let kept = store.get(&entry("gemini-cli-api-key", "default-api-key")).expect("entry");
    assert!(kept.contains("\"updatedAt\":1790000000000") && !kept.contains(STORED), "only the key changes");
}

#[test]
fn headers_and_address_can_be_changed() {
    let world = trusted().with_var("GEMINI_API_KEY", "K").with_var("GEMINI_API_KEY_AUTH_MECHANISM", "bearer");
    assert_eq!(answer(&world), format!("x-goog-api-key=K authorization=K {API}"));
    let world = trusted()
        .with_var("GEMINI_API_KEY", "K")
        .with_var("GEMINI_CLI_CUSTOM_HEADERS", "x-goog-api-key: C, a: b");
    assert_eq!(answer(&world), format!("x-goog-api-key=C {API}"));
    let world =
        trusted().with_var("GEMINI_API_KEY", "K").with_var("GOOGLE_GEMINI_BASE_URL", "http://other/x");
    assert_eq!(answer(&world), "nothing: Invalid auth method selected.");
    assert_eq!(answer(&selected(world, "gemini-api-key")), "x-goog-api-key=K http://other/x");
}

#[test]
fn without_trust_a_script_gets_nothing_and_a_person_is_asked() {
    let world = MemoryWorld::new("/h").with_var("GEMINI_API_KEY", "K");
    let slots = slots(&world);
    assert_eq!(
        slots.iter().map(|slot| slot.mode).collect::<Vec<_>>(),
        [Some(Mode::Headless), Some(Mode::Interactive)]
    );
    assert!(matches!(slots[0].outcome, Outcome::Nothing { .. }));
    assert!(matches!(slots[1].outcome, Outcome::NotKnown { .. }));
    let rules = r#"{"/h":"TRUST_FOLDER","/h/work":"DO_NOT_TRUST"}"#;
    assert!(answer(&world.with_file(".gemini/trustedFolders.json", rules)).starts_with("nothing"));
}

#[test]
fn an_administrators_settings_are_where_the_system_keeps_them() {
    let settings = r#"{"security":{"auth":{"selectedType":"gemini-api-key"}}}"#;
    let world = |file: &str, os| {
        let world = trusted().on(os).with_var("GEMINI_API_KEY", "K").with_var("GOOGLE_API_KEY", "G");
        answer(&world.with_var("GOOGLE_GENAI_USE_VERTEXAI", "true").with_file(file, settings))
    };
    let mac = "/Library/Application Support/GeminiCli/settings.json";
    let linux = "/etc/gemini-cli/settings.json";
    let key = format!("x-goog-api-key=K {API}");
    assert_eq!((world(mac, Os::Macos), world(linux, Os::Linux)), (key.clone(), key.clone()));
    assert!(world(mac, Os::Linux) != key && world(linux, Os::Macos) != key);
}
