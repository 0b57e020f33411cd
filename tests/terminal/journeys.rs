//! Whole journeys through the demo, each ended with a look at what is on the disk: from a key that stopped working to one
//! that is proven, and every way in which a paste, a test or a write is stopped.

use std::collections::BTreeMap;
use std::path::Path;

use keymend::demo::Key;
use rustix::process::Signal;

use super::pty::Pty;

const SIZE: (u16, u16) = (120, 40);
pub const ESC: &str = "\u{1b}";
pub const ENTER: &str = "\r";

/// The demo on a sample home that is kept, with the home screen in sight.
struct Demo {
    pty: Pty,
    folder: tempfile::TempDir,
}

impl Demo {
    fn open(size: (u16, u16)) -> Self {
        Self::with(size, &[])
    }

    fn with(size: (u16, u16), env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        let mut pty = Pty::start(&["demo", "--keep", home.to_str().unwrap()], env, size);
        pty.wait_for("By need");
        Self { pty, folder }
    }

    /// Chooses the only slot that the filter leaves.
    #[track_caller]
    fn choose(&mut self, filter: &str, title: &str) {
        self.pty.press("/", "keep");
        self.pty.press(filter, title);
        self.pty.press(ENTER, "quit");
    }

    /// The files of the sample home and the rows of its database; keymend's own journal is left out.
    fn content(&self) -> BTreeMap<String, Vec<u8>> {
        let mut out = BTreeMap::new();
        let home = self.folder.path().join("home");
        collect(&home, &home, &mut out);
        out
    }

    /// Takes the write back: the home is as it was.
    #[track_caller]
    fn take_back(&mut self, before: &BTreeMap<String, Vec<u8>>) {
        self.pty.press("z", "put it back");
        self.pty.press("y", "Put back, byte for byte");
        assert_eq!(self.content(), *before);
    }

    /// Leaves, and looks at everything that was ever shown.
    #[track_caller]
    fn quit(mut self) {
        self.pty.send("\u{3}");
        assert_eq!(self.pty.finish(), 0);
        restored(&self.pty);
        no_key_in(&self.pty);
    }
}

fn collect(root: &Path, folder: &Path, out: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if name == ".local/state/keymend" || name.ends_with("-wal") || name.ends_with("-shm") {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, out);
        } else if name.ends_with(".sqlite") {
            out.insert(name, rows(&path));
        } else {
            out.insert(name, std::fs::read(&path).unwrap());
        }
    }
}

/// Every row of the shared store, whole.
fn rows(db: &Path) -> Vec<u8> {
    let db = rusqlite::Connection::open(db).unwrap();
    let mut query =
        db.prepare("SELECT state_key, value_json FROM config_machine_state ORDER BY state_key").unwrap();
    let row = |row: &rusqlite::Row<'_>| -> rusqlite::Result<String> {
        Ok(format!("{} {}\n", row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    };
    let lines: Vec<String> = query.query_map([], row).unwrap().map(Result::unwrap).collect();
    lines.concat().into_bytes()
}

fn holds(content: &BTreeMap<String, Vec<u8>>, text: &str) -> bool {
    content.values().any(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
}

/// No run of 12 characters of any key of the demo was ever written to the terminal, beyond what a mask shows.
#[track_caller]
pub fn no_key_in(pty: &Pty) {
    let raw = String::from_utf8_lossy(&pty.raw);
    for provider in ["anthropic", "openai", "openrouter", "gemini"] {
        for key in
            [Key::Working(provider), Key::Stale(provider), Key::Exhausted(provider), Key::New(provider)]
        {
            let text = key.text();
            let body = &text.as_bytes()["sk-ant-api03-".len()..];
            let shown = body.windows(12).find(|run| raw.contains(std::str::from_utf8(run).unwrap()));
            assert_eq!(shown, None, "a part of a key of {provider} was shown");
        }
    }
}

/// A key as a web page and a chat hand it over.
fn dirty(key: &str) -> String {
    let (start, end) = key.split_at(key.len() / 2);
    format!("\u{200b}{start}\u{200b}{end}\r\n")
}

#[test]
fn a_revoked_key_is_replaced_and_the_write_is_taken_back() {
    let mut demo = Demo::open(SIZE);
    let before = demo.content();
    let new = Key::New("anthropic").text();
    demo.choose("claw anth", "OpenClaw · main · anthropic");
    let pty = &mut demo.pty;
    pty.press("t", "✗ invalid");
    pty.press("p", "paste the key here");
    // Nothing has to be asked: the key is cleaned and tested, and the review is what is left.
    let review = pty.paste_until(&dirty(&new), "write it.");
    assert!(review.contains("2 × zero-width space, 1 × line end at the ends"), "{review}");
    assert!(review.contains("✓ works"), "{review}");
    assert!(review.contains("the agent will then send the new key"), "{review}");
    assert!(
        review.contains("- ") && review.contains("mVAA (108)") && review.contains("k3AA (108)"),
        "{review}"
    );
    let done = pty.press("w", "now sends");
    assert!(done.contains("✓ OpenClaw · main · anthropic now sends"), "{done}");
    // Hermes sends the old key, too.
    assert!(
        done.contains("Do not revoke D") && done.contains("Hermes Agent → anthropic still sends it"),
        "{done}"
    );
    let written = demo.content();
    assert!(holds(&written, &new));
    let changed: Vec<&String> =
        written.keys().filter(|name| written.get(*name) != before.get(*name)).collect();
    assert_eq!(changed, [".openclaw/state/openclaw.sqlite"]);
    demo.take_back(&before);
    demo.pty.wait_for("By need");
    demo.quit();
}

#[test]
fn a_dirty_key_is_cleaned_where_it_is() {
    let mut demo = Demo::open(SIZE);
    let before = demo.content();
    demo.choose("herm gem", "Hermes Agent · gemini");
    // The clean form is tested before it is offered as one that works.
    let ways = demo.pty.press("f", "which works");
    assert!(ways.contains("write the clean key into ~/.hermes/.env"), "{ways}");
    assert!(ways.contains("Characters of the key are encoded"), "{ways}");
    let review = demo.pty.press(ENTER, "write it.");
    assert!(review.contains("✓ works"), "{review}");
    demo.pty.press("w", "now sends");
    let changed: Vec<String> = demo
        .content()
        .into_iter()
        .filter(|(name, text)| before.get(name) != Some(text))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(changed, [".hermes/.env"]);
    demo.take_back(&before);
    demo.quit();
}

#[test]
fn a_good_key_beside_the_bad_one_is_found_and_used() {
    let mut demo = Demo::open(SIZE);
    demo.choose("claw anth", "OpenClaw · main · anthropic");
    let ways = demo.pty.press("f", "works and is not sent");
    assert!(ways.contains("ANTHROPIC_API_KEY of this shell"), "{ways}");
    demo.pty.press(ESC, "By need");
    let ways = demo.pty.press("f", "works and is not sent");
    // The best way out comes first and is chosen; a new key is not needed.
    assert!(ways.contains("▸ 1 use source 3") && !ways.contains("make a new key"), "{ways}");
    demo.pty.press(ENTER, "write it.");
    let done = demo.pty.press("w", "now sends");
    assert!(done.contains("✓ OpenClaw · main · anthropic now sends"), "{done}");
    demo.quit();
}

#[test]
fn what_was_written_can_be_taken_back_from_the_home_screen() {
    let mut demo = Demo::open(SIZE);
    let before = demo.content();
    let old = Key::Exhausted("openrouter").text();
    demo.choose("aider rout", "Aider · openrouter");
    demo.pty.press("p", "paste the key here");
    // The clipboard of the demo holds a new key for the provider.
    demo.pty.press("p", "write it.");
    demo.pty.press("w", "✓ Aider · openrouter now sends");
    let written = demo.content();
    assert!(holds(&written, &Key::New("openrouter").text()));
    let config = String::from_utf8_lossy(&written[".aider.conf.yml"]);
    assert!(!config.contains(&old) && config.contains("model: openrouter/"), "{config}");
    demo.pty.press(ENTER, "By need");
    demo.pty.press("H", "set aider/openrouter");
    demo.pty.press(ESC, "By need");
    demo.pty.press("z", "put it back");
    demo.pty.press(ESC, "By need");
    assert!(holds(&demo.content(), &Key::New("openrouter").text()), "a no is a no");
    demo.take_back(&before);
    demo.quit();
}

#[test]
fn the_key_that_is_there_already_is_caught() {
    let mut demo = Demo::open(SIZE);
    let before = demo.content();
    demo.choose("claw anth", "OpenClaw · main · anthropic");
    demo.pty.press("p", "paste the key here");
    let same = demo.pty.paste_until(&dirty(&Key::Stale("anthropic").text()), "enter another key");
    assert!(same.contains("This is the key that is already there"), "{same}");
    demo.pty.press(ESC, "paste the key here");
    // Another key that is pasted on the same screen replaces the first.
    demo.pty.paste_until(&Key::Stale("anthropic").text(), "already there");
    demo.pty.paste_until(&Key::New("anthropic").text(), "write it.");
    assert_eq!(demo.content(), before);
    demo.quit();
}

#[test]
fn a_paste_that_is_no_key_says_why_and_the_next_one_counts() {
    let mut demo = Demo::open(SIZE);
    let before = demo.content();
    let (one, two) = (Key::New("anthropic").text(), Key::Working("anthropic").text());
    let refused = [
        ("sk-ant-...mVAA".to_owned(), "this is a masked copy"),
        ("sk-ant-api03-••••••••••••k3AA".to_owned(), "this is a masked copy"),
        ("npm install -g openclaw@latest && openclaw onboard".to_owned(), "no key of a known format"),
        (format!("{one}\n{two}\n"), "there are 2 different keys in it"),
        ("$ANTHROPIC_API_KEY".to_owned(), "variable"),
        ("https://platform.claude.com/settings/keys".to_owned(), "this is an address"),
    ];
    demo.choose("claw anth", "OpenClaw · main · anthropic");
    demo.pty.press("p", "paste the key here");
    for (text, why) in refused {
        let screen = demo.pty.paste_until(&text, "is not used");
        assert!(screen.contains(why), "{why}: {screen}");
        demo.pty.press(ENTER, "paste the key here");
    }
    demo.pty.paste_until(&dirty(&one), "write it.");
    assert_eq!(demo.content(), before);
    demo.quit();
}

#[test]
fn a_key_of_another_provider_is_stopped() {
    let mut demo = Demo::open(SIZE);
    demo.choose("claw anth", "OpenClaw · main · anthropic");
    demo.pty.press("p", "paste the key here");
    let wrong = demo.pty.paste_until(&Key::New("openrouter").text(), "go on all the same");
    assert!(wrong.contains("It would fit here: "), "{wrong}");
    demo.pty.press(ENTER, "press i to go on all the same");
    // Insisting is possible, and the provider then says the same.
    demo.pty.press("i", "✗ invalid");
    demo.pty.press(ENTER, "the provider rejects this key");
    demo.quit();
}

#[test]
fn a_rejected_key_is_stopped_and_insisting_is_said_to_the_end() {
    let mut demo = Demo::open(SIZE);
    let before = demo.content();
    demo.choose("claw anth", "OpenClaw · main · anthropic");
    demo.pty.press("p", "paste the key here");
    let unknown = Key::New("anthropic").text().replace("NEW", "BAD");
    demo.pty.paste_until(&unknown, "save it all the same");
    demo.pty.press(ENTER, "the provider rejects this key");
    assert_eq!(demo.content(), before, "a definite no writes nothing");
    demo.pty.press("i", "Unproven: the provider rejects it");
    demo.pty.wait_for("write it.");
    let done = demo.pty.press("w", "now sends");
    assert!(done.contains("Unproven: the provider rejects it"), "{done}");
    assert!(holds(&demo.content(), &unknown));
    demo.quit();
}

#[test]
fn a_typed_key_is_never_echoed() {
    let mut demo = Demo::open(SIZE);
    demo.choose("claw anth", "OpenClaw · main · anthropic");
    demo.pty.press("p", "paste the key here");
    for (at, c) in Key::New("anthropic").text().chars().enumerate() {
        let typed = at + 1;
        let word = if typed == 1 { "character" } else { "characters" };
        demo.pty.press(&c.to_string(), &format!(" {typed} {word}"));
    }
    let review = demo.pty.press(ENTER, "write it.");
    assert!(review.contains("✓ works"), "{review}");
    demo.quit();
}

#[test]
fn what_the_line_with_enter_offers_is_done_by_enter() {
    let mut demo = Demo::open(SIZE);
    demo.choose("claw anth", "OpenClaw · main · anthropic");
    demo.pty.press("T", "answered");
    demo.pty.press("\u{1b}", "Enter  use source 3");
    let review = demo.pty.press(ENTER, "write it.");
    assert!(review.contains("x9AA (108)") && review.contains("✓ works"), "{review}");
    demo.quit();
}

#[test]
fn a_key_that_is_pasted_on_home_is_back_in_three_key_presses() {
    let mut demo = Demo::open(SIZE);
    let before = demo.content();
    demo.choose("claw anth", "OpenClaw · main · anthropic");
    // Paste, look, write.
    let review = demo.pty.paste_until(&dirty(&Key::New("anthropic").text()), "write it.");
    assert!(review.contains("OpenClaw · main · anthropic"), "{review}");
    demo.pty.press("w", "✓ OpenClaw · main · anthropic now sends");
    demo.take_back(&before);
    demo.quit();
}

#[test]
fn the_review_is_widened_to_every_place_of_the_old_key() {
    let mut demo = Demo::open(SIZE);
    let before = demo.content();
    demo.choose("claw anth", "OpenClaw · main · anthropic");
    demo.pty.paste_until(&Key::New("anthropic").text(), "write it.");
    let review = demo.pty.press("R", ".hermes/.env");
    assert!(review.contains("openclaw.sqlite"), "{review}");
    let done = demo.pty.press("w", "Hermes Agent · anthropic now sends");
    assert!(done.contains("OpenClaw · main · anthropic now sends"), "{done}");
    assert!(!holds(&demo.content(), &Key::Stale("anthropic").text()));
    demo.take_back(&before);
    demo.quit();
}

#[test]
fn from_the_start_to_the_mended_connection_it_is_three_key_presses() {
    let mut demo = Demo::open(SIZE);
    // Enter tests everything; then the worst connection in use is chosen, and Enter does what its line says.
    demo.pty.press(ENTER, "connections fail");
    demo.pty.wait_until("the best way out", |screen| {
        screen.contains("▶ Enter  ") && !screen.contains("Enter  test all")
    });
    demo.pty.press(ENTER, "write it.");
    demo.pty.press("w", "now sends");
    demo.quit();
}

#[test]
fn another_candidate_is_put_in_its_place_from_the_comparison() {
    let mut demo = Demo::open(SIZE);
    let before = demo.content();
    demo.choose("claw anth", "OpenClaw · main · anthropic");
    demo.pty.press("c", "the sources of one");
    demo.pty.press("\u{1b}[C", "▸ 2");
    demo.pty.press("\u{1b}[C", "▸ 3");
    let review = demo.pty.press("u", "write it.");
    assert!(review.contains("✓ works") && review.contains("use another key"), "{review}");
    let done = demo.pty.press("w", "now sends");
    assert!(done.contains("OpenClaw · main · anthropic now sends"), "{done}");
    assert_ne!(demo.content(), before);
    demo.take_back(&before);
    demo.quit();
}

#[test]
fn a_key_is_replaced_at_every_place_at_once() {
    let mut demo = Demo::open(SIZE);
    let before = demo.content();
    let (old, new) = (Key::Stale("anthropic").text(), Key::New("anthropic").text());
    demo.pty.press("K", "distinct keys");
    for _ in 0..20 {
        let shown = demo.pty.screen();
        let title = shown.lines().nth(1).unwrap_or_default().to_owned();
        if title.contains("sk-ant-api03-…mVAA") {
            break;
        }
        demo.pty.send("\u{1b}[B");
        demo.pty.wait_until("the next key", |screen| screen.lines().nth(1).unwrap_or_default() != title);
    }
    demo.pty.press("p", "paste the key here");
    let review = demo.pty.paste_until(&dirty(&new), "write it.");
    assert!(review.contains(".hermes/.env") && review.contains("openclaw.sqlite"), "{review}");
    let done = demo.pty.press("w", "now sends");
    assert!(done.contains("revoke the old key"), "{done}");
    assert!(done.contains("OpenClaw · main · anthropic now sends"), "{done}");
    assert!(done.contains("Hermes Agent · anthropic now sends"), "{done}");
    let written = demo.content();
    assert!(!holds(&written, &old) && holds(&written, &new));
    demo.take_back(&before);
    demo.quit();
}

/// A home where Hermes is set up for Anthropic, with this much in its `.env`.
fn hermes_home(dotenv: Option<&str>) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".hermes");
    std::fs::create_dir(&folder).unwrap();
    let config = "model:\n  provider: anthropic\n  default: claude-sonnet-4-5\n";
    std::fs::write(folder.join("config.yaml"), config).unwrap();
    if let Some(text) = dotenv {
        std::fs::write(folder.join(".env"), text).unwrap();
    }
    home
}

#[test]
fn tests_that_hang_leave_the_keyboard_free_and_can_be_stopped() {
    // A proxy that takes connections and never answers.
    let proxy = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let key = Key::Working("anthropic").text();
    let home = hermes_home(Some(&format!("ANTHROPIC_API_KEY={key}\n")));
    let place = home.path().to_str().unwrap();
    let env = [("HOME", place), ("PATH", "/usr/bin:/bin"), ("HTTPS_PROXY", &*address)];
    let mut pty = Pty::start_in(Some(home.path()), &[], &env, SIZE);
    pty.wait_for("By need");
    pty.press("T", "0 of 1 answered");
    pty.press(ESC, "testing 1 key");
    pty.press("e", "back");
    pty.press(ESC, "testing 1 key");
    pty.press("?", "Keys: ");
    pty.press(ESC, "testing 1 key");
    pty.press("K", "1 distinct key");
    pty.press(ESC, "testing 1 key");
    pty.press("T", "cancel");
    pty.press("x", "again");
    pty.press(ESC, "By need");
    pty.send("q");
    assert_eq!(pty.finish(), 0);
    no_key_in(&pty);
}

#[test]
fn a_first_set_up_goes_from_nothing_to_a_key_that_is_sent() {
    let home = hermes_home(None);
    let place = home.path().to_str().unwrap();
    let env = [("HOME", place), ("PATH", "/usr/bin:/bin")];
    let mut pty = Pty::start_in(Some(home.path()), &["--offline"], &env, SIZE);
    // With an agent and no key anywhere the set-up opens by itself.
    let agents = pty.wait_for("1 of 3");
    assert!(agents.contains("[x] Hermes Agent"), "{agents}");
    pty.press(ENTER, "2 of 3");
    let providers = pty.wait_for("[x] anthropic");
    assert!(providers.contains("enter the keys"), "{providers}");
    pty.press(ENTER, "3 of 3");
    pty.press(ENTER, "paste the key here");
    let new = Key::New("anthropic").text();
    pty.paste_until(&dirty(&new), "keymend runs with --offline");
    pty.press(ENTER, "Unproven: ");
    pty.wait_for("write it.");
    pty.press("w", "now sends");
    pty.press(ENTER, "✓ written");
    pty.press(ENTER, "By need");
    let text = std::fs::read_to_string(home.path().join(".hermes/.env")).unwrap();
    assert_eq!(text, format!("ANTHROPIC_API_KEY={new}\n"));
    pty.send("q");
    assert_eq!(pty.finish(), 0);
    no_key_in(&pty);
}

/// LiteLLM's library takes its key from the program around it: with no `.env` that it reads there is nowhere to put one.
#[test]
fn a_set_up_offers_no_agent_that_has_no_place_for_a_key() {
    let home = hermes_home(None);
    std::fs::create_dir(home.path().join(".litellm")).unwrap();
    let env = [("HOME", home.path().to_str().unwrap()), ("PATH", "/usr/bin:/bin")];
    let mut pty = Pty::start_in(Some(home.path()), &["--offline"], &env, SIZE);
    pty.wait_for("1 of 3");
    // One answer lists the agents without a trace here, and says which of all have no place.
    let agents = pty.wait_for("not found here");
    assert!(agents.contains("[x] Hermes Agent") && !agents.contains("LiteLLM"), "{agents}");
    pty.send("\u{3}");
    assert_eq!(pty.finish(), 0);
}

#[test]
fn an_empty_machine_is_welcomed() {
    let home = tempfile::tempdir().unwrap();
    let env = [("HOME", home.path().to_str().unwrap()), ("PATH", "/nowhere")];
    let mut pty = Pty::start_in(Some(home.path()), &["--offline"], &env, SIZE);
    pty.wait_for("Welcome");
    let setup = pty.press("s", "1 of 3");
    assert!(setup.contains("Not found here: ") && setup.contains("OpenClaw"), "{setup}");
    pty.press(ENTER, "tick an agent");
    pty.press(ESC, "Welcome");
    for key in ["p", "e", "c", "u", "t"] {
        pty.press(key, "no slot is chosen");
        pty.press("r", "By need");
    }
    pty.press("K", "0 distinct keys");
    pty.press(ESC, "Welcome");
    pty.press("z", "there is nothing to undo");
    pty.press(ESC, "Welcome");
    pty.send("q");
    assert_eq!(pty.finish(), 0);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "nothing was written");
}

#[test]
fn without_a_home_it_opens_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let env = [("PATH", "/nowhere")];
    let mut pty = Pty::start_in(Some(folder.path()), &["--offline"], &env, (80, 24));
    pty.wait_for("keymend");
    pty.wait_for("help");
    pty.send("\u{3}");
    assert_eq!(pty.finish(), 0);
    restored(&pty);
}

#[test]
fn every_size_from_40_by_10_is_whole_and_a_smaller_one_says_so() {
    let mut demo = Demo::open((80, 24));
    let home = demo.pty.wait_for("? help");
    assert!(home.lines().all(|line| line.chars().count() <= 80) && home.lines().count() == 24, "{home}");
    demo.pty.resize(39, 9);
    demo.pty.wait_for("keymend needs 40");
    // What cannot be seen cannot be pressed.
    demo.pty.send("n").next_frame();
    demo.pty.resize(100, 30);
    demo.pty.wait_for("By need");
    demo.pty.press("?", "enter a new key for this connection");
    demo.pty.resize(40, 30);
    demo.pty.wait_for("what needs");
    demo.pty.resize(140, 44);
    demo.pty.press("G", "the candidate that is sent");
    demo.pty.press(ESC, "By need");
    demo.quit();
}

#[test]
fn help_lists_the_keys_of_the_screen() {
    let mut demo = Demo::open((120, 60));
    let help = demo.pty.press("?", "Keys: ");
    for words in [
        "enter a new key for this connection",
        "test every key that is sent, side by side",
        "every key and all its places",
        "take back a write, byte for byte",
        "pause keymend and return to the shell",
        "leave keymend",
        "tested in this run: the key works",
    ] {
        assert!(help.contains(words), "{words}: {help}");
    }
    demo.pty.press(ESC, "By need");
    demo.quit();
}

/// Whether an SGR sequence of the output sets a colour.
fn coloured(raw: &[u8]) -> bool {
    let text = String::from_utf8_lossy(raw);
    text.split("\u{1b}[").skip(1).any(|rest| {
        let Some(end) = rest.find(|c: char| !(c.is_ascii_digit() || c == ';' || c == ':')) else {
            return false;
        };
        let colour = |code: &str| matches!(code.parse::<u16>(), Ok(30..=38 | 40..=48 | 90..=107));
        rest[end..].starts_with('m') && rest[..end].split([';', ':']).any(colour)
    })
}

#[test]
fn no_color_means_no_colour() {
    let mut demo = Demo::with(SIZE, &[("NO_COLOR", "1")]);
    demo.pty.press("T", "answered");
    demo.pty.press(ESC, "By need");
    assert!(!coloured(&demo.pty.raw));
    demo.quit();
    let mut with = Demo::open(SIZE);
    with.pty.press("T", "answered");
    assert!(coloured(&with.pty.raw), "the check sees colours where they are");
    with.pty.press(ESC, "By need");
    with.quit();
}

/// Every mode that was set is put back, the last word on each.
#[track_caller]
pub fn restored(pty: &Pty) {
    let raw = String::from_utf8_lossy(&pty.raw);
    for (on, off) in [
        ("\u{1b}[?1049h", "\u{1b}[?1049l"),
        ("\u{1b}[?2004h", "\u{1b}[?2004l"),
        ("\u{1b}[?1000h", "\u{1b}[?1000l"),
        ("\u{1b}[?25l", "\u{1b}[?25h"),
    ] {
        assert!(raw.rfind(on) < raw.rfind(off), "{on:?} is not followed by {off:?}");
    }
    let screen = pty.cells();
    assert!(!screen.alternate_screen() && !screen.bracketed_paste() && !screen.hide_cursor());
}

#[test]
fn however_it_ends_the_terminal_is_put_back() {
    for key in ["q", "\u{3}"] {
        let mut demo = Demo::open((80, 24));
        demo.pty.send(key);
        assert_eq!(demo.pty.finish(), 0);
        restored(&demo.pty);
    }
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut demo = Demo::open((80, 24));
        demo.pty.press("?", "Keys: ");
        demo.pty.signal(signal);
        demo.pty.finish();
        restored(&demo.pty);
    }
}

#[test]
fn a_paste_that_never_ends_cannot_hold_the_terminal() {
    let mut demo = Demo::open(SIZE);
    demo.choose("claw anth", "OpenClaw · main · anthropic");
    demo.pty.press("p", "paste the key here");
    demo.pty.send("\u{1b}[200~sk-ant-FAKE");
    demo.pty.wait_for("The paste is not finished");
    demo.pty.signal(Signal::TERM);
    demo.pty.finish();
    restored(&demo.pty);
}

#[test]
fn paused_it_gives_the_terminal_back_and_takes_it_again() {
    let mut demo = Demo::open((80, 24));
    demo.pty.press("?", "Keys: ");
    demo.pty.send("\u{1a}");
    demo.pty.wait_until_stopped();
    demo.pty.wait_until("the shell's screen", |screen| !screen.contains("Keys: "));
    restored(&demo.pty);
    demo.pty.signal(Signal::CONT);
    demo.pty.wait_for("Keys: ");
    assert!(demo.pty.cells().alternate_screen() && demo.pty.cells().bracketed_paste());
    demo.pty.press(ESC, "By need");
    demo.quit();
}
