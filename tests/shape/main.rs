//! The structure's rules, read off the source: who may see a key's text, who may touch the machine, who may know whom.
#![allow(clippy::unwrap_used, missing_docs)]

mod layers;
mod source;
mod words;

#[track_caller]
fn only_in(what: &str, marks: &[&str], allowed: &[&str]) {
    let wrong: Vec<String> = source::all()
        .into_iter()
        .filter(|file| !allowed.iter().any(|ok| file.module() == *ok || file.name == *ok))
        .filter(|file| marks.iter().any(|mark| file.code.contains(mark)))
        .map(|file| file.name)
        .collect();
    assert!(wrong.is_empty(), "{what} belongs in {allowed:?} and is in {wrong:#?}");
}

#[test]
fn a_keys_text_is_exposed_in_few_places() {
    // An environment is plain text: a world that shows another one makes it of the secrets in a unit.
    let allowed = ["secret", "printer", "host", "edit", "hygiene", "probe", "world/overlay.rs"];
    only_in("Secret::expose", &[".expose("], &allowed);
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

/// A rule asks the world which system it is on, so that a home of another system is judged by its own rules.
#[test]
fn only_the_host_knows_the_system_it_was_built_for() {
    let marks = ["cfg!(target_os", "cfg!(windows", "cfg!(unix", "cfg!(any(", "cfg!(all("];
    only_in("the system of the build", &marks, &["host", "world.rs"]);
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
fn the_screens_are_pure() {
    only_in(
        "running effects",
        &["thread::spawn", "thread::Builder", "Instant::now"],
        &["host", "tui.rs", "commands", "demo", "session"],
    );
}

#[test]
fn nothing_is_left_undone_and_nothing_is_skipped() {
    only_in("unfinished code", &["todo!(", "unimplemented!(", "dbg!("], &[]);
}

/// A finding that no code raises is a promise that nobody keeps.
#[test]
fn every_finding_of_the_registry_is_raised() {
    let code: String = source::all().into_iter().map(|file| file.code).collect();
    let raised = |id: &str| code.contains(&format!("\"{id}\""));
    let idle: Vec<_> =
        keymend::finding::all().filter(|kind| !raised(&kind.id)).map(|kind| &kind.id).collect();
    assert!(idle.is_empty(), "no code raises {idle:?}");
}
