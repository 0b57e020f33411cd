//! The structure's rules, read off the source: who may see a key's text, who may touch the machine, who may know whom.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::{Path, PathBuf};

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((name, without_tests(&text)));
            }
        }
    }
    found.sort();
    found
}

/// The code before its tests, without comments.
fn without_tests(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code = code.split("#[cfg(test)]\n#[cfg(").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn is_test(file: &str) -> bool {
    file.ends_with("/tests.rs")
        || file.contains("/tests/")
        || file.ends_with("/truth.rs")
        || file.ends_with("fixture.rs")
}

fn module(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap()
}

#[track_caller]
fn only_in(what: &str, marks: &[&str], allowed: &[&str]) {
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|(file, _)| !is_test(file) && !allowed.iter().any(|ok| module(file) == *ok || file == ok))
        .filter(|(_, text)| marks.iter().any(|mark| text.contains(mark)))
        .map(|(file, _)| file.clone())
        .collect();
    assert!(wrong.is_empty(), "{what} belongs in {allowed:?} and stands in {wrong:#?}");
}

#[test]
fn a_keys_text_is_exposed_in_few_places() {
    only_in("Secret::expose", &[".expose("], &["secret", "printer", "host", "edit", "hygiene", "probe"]);
}

#[test]
fn only_the_host_touches_files_and_processes() {
    only_in("the file system", &["std::fs::", "use std::fs", "rustix::fs"], &["host", "demo"]);
    only_in("the process environment", &["std::env::var", "env::vars"], &["host", "tui.rs"]);
    only_in("starting programs", &["process::Command", "Command::new("], &["host"]);
    only_in("sockets", &["std::net::Tcp", "TcpStream", "TcpListener", "reqwest::"], &["host"]);
    only_in("the keyring and the bus", &["keyring::Entry", "zbus::", "secret_service::"], &["host"]);
    only_in("the clipboard", &["arboard::"], &["host"]);
}

/// What is said passes the printer, which masks keys and shows what would move a cursor: nothing writes past it.
#[test]
fn only_the_output_writes_to_the_terminal() {
    let marks = [
        "println!(",
        "print!(",
        "io::stdout",
        "io::stderr",
        "Stdout",
        "Stderr",
        "(stdout()",
        "(stderr()",
        " stdout()",
        " stderr()",
        "set_hook(",
    ];
    only_in("standard output and error", &marks, &["host/output.rs"]);
    only_in("printing without masks", &["output::sample("], &["commands/wizard.rs"]);
    only_in("help with styles", &["output::help("], &["main.rs"]);
    only_in("the clipboard of the terminal", &["CopyToClipboard"], &["host/output.rs"]);
}

#[test]
fn an_agent_is_asked_in_one_way() {
    only_in("an agent's own rules, without \"too long to be sent\"", &[".scan)("], &["agents.rs"]);
}

#[test]
fn what_decides_knows_neither_screen_nor_scripts() {
    let deciding = [
        "agents", "edit", "formats", "hygiene", "lint", "plan", "probe", "provider", "resolve", "secret",
        "source", "world",
    ];
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|(file, _)| deciding.contains(&module(file)))
        .filter(|(_, text)| {
            ["tui", "commands", "cli", "report", "demo"]
                .iter()
                .any(|upper| text.contains(&format!("crate::{upper}")))
        })
        .map(|(file, _)| file.clone())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_screens_are_pure() {
    only_in(
        "running effects",
        &["thread::spawn", "thread::Builder", "Instant::now"],
        &["host", "tui.rs", "commands", "demo", "session"],
    );
}

#[test]
fn nothing_is_left_undone_and_nothing_is_skipped() {
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|(_, text)| ["todo!(", "unimplemented!(", "dbg!("].iter().any(|mark| text.contains(mark)))
        .map(|(file, _)| file.clone())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A finding that no code raises is a promise that nobody keeps.
#[test]
fn every_finding_of_the_registry_is_raised() {
    let code: String =
        sources().into_iter().filter(|(file, _)| !is_test(file)).map(|(_, text)| text).collect();
    let raised = |id: &str| code.contains(&format!("\"{id}\""));
    let idle: Vec<_> =
        keymend::finding::all().filter(|kind| !raised(&kind.id)).map(|kind| &kind.id).collect();
    assert!(idle.is_empty(), "no code raises {idle:?}");
}
