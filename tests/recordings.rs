//! The truth is what the real agent sends: every recording that home, environment and working directory decide, against
//! the prediction. Each is a test of its own: `cargo test cx-24`, `cargo test --test recordings codex/`.
//! `KEYMEND_SHOW=1` prints the slots; a table per agent comes at the end.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss)]

mod support;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Failed, Trial};
use support::asked::{Answer, expected, known_misses, predict};
use support::{Scenario, scenarios};

/// Right and all, by tool.
type Table = BTreeMap<String, (usize, usize)>;

fn main() -> ExitCode {
    let known = Arc::new(known_misses());
    let table = Arc::new(Mutex::new(Table::new()));
    let recordings = scenarios();
    let mut trials = vec![the_list_of_misses_names_recordings(&recordings, &known)];
    trials.extend(recordings.into_iter().map(|scenario| {
        let (known, table) = (Arc::clone(&known), Arc::clone(&table));
        Trial::test(name(&scenario), move || check(&scenario, &known, &table))
    }));
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    print(&table.lock().unwrap());
    conclusion.exit_code()
}

fn name(scenario: &Scenario) -> String {
    format!("{}/{}", scenario.tool, scenario.id)
}

/// The prediction is right, or it is "not known" and listed as such.
fn check(scenario: &Scenario, known: &BTreeMap<String, String>, table: &Mutex<Table>) -> Result<(), Failed> {
    let (expected, predicted) =
        (expected(scenario), predict(scenario, std::env::var_os("KEYMEND_SHOW").is_some()));
    let right = expected == predicted;
    let mut table = table.lock().unwrap();
    let row = table.entry(scenario.tool.clone()).or_default();
    *row = (row.0 + usize::from(right), row.1 + 1);
    match (right, known.contains_key(&name(scenario))) {
        (true, false) => Ok(()),
        (true, true) => Err("tests/known_misses.txt lists it, but it is right".into()),
        (false, true) if matches!(predicted, Answer::NotKnown(_)) => Ok(()),
        (false, _) => Err(format!(
            "{}\n  expected  {expected:?}\n  predicted {predicted:?}",
            scenario.text("title").unwrap_or_default()
        )
        .into()),
    }
}

fn the_list_of_misses_names_recordings(recordings: &[Scenario], known: &BTreeMap<String, String>) -> Trial {
    let names: Vec<String> = recordings.iter().map(name).collect();
    let unknown: Vec<String> = known.keys().filter(|id| !names.contains(id)).cloned().collect();
    Trial::test("the_list_of_misses_names_recordings", move || {
        if unknown.is_empty() { Ok(()) } else { Err(format!("no such recording: {unknown:?}").into()) }
    })
}

fn print(table: &Table) {
    for (tool, (right, all)) in table {
        println!("{tool:<14} {right:>4} of {all:<4} {:>5.1} %", 100.0 * *right as f64 / *all as f64);
    }
    let (right, all) = table.values().fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
    println!("{:<14} {right:>4} of {all}", "all");
}
