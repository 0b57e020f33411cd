//! What children of real shells saw (`tests/corpora/shell_export_truth.json`) against what is read here.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;
use crate::world::MemoryWorld;

const SHELLS: [(&str, Shell); 4] = [
    ("sh (dash 0.5.12)", Shell::Sh),
    ("bash 5.2", Shell::Bash),
    ("zsh 5.9", Shell::Zsh),
    ("fish 3.6", Shell::Fish),
];

fn world() -> MemoryWorld {
    MemoryWorld::new("/home/ann").with_file("work/inc", "export K=v\n")
}

fn predict(shell: Shell, script: &str, env: &BTreeMap<String, String>) -> Seen {
    run_script(shell, script.as_bytes(), env, Some(&world())).seen("K")
}

fn compare(at: &str, seen: &Seen, real: Option<&str>, tally: &mut (usize, usize, Vec<String>)) {
    match (seen, real) {
        (Seen::Text(ours), Some(real)) if ours == real => tally.0 += 1,
        (Seen::Nothing, None) => tally.0 += 1,
        (Seen::NotLiteral(_) | Seen::Conditional, _) => tally.1 += 1,
        _ => tally.2.push(format!(
            "{at}: {real:?}, predicted {}",
            match seen {
                Seen::Text(text) => format!("{text:?}"),
                other => format!("{other:?}"),
            }
        )),
    }
}

#[test]
fn every_recording_is_predicted() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../../tests/corpora/shell_export_truth.json")).unwrap();
    let home = BTreeMap::from([("HOME".to_owned(), "/home/ann".to_owned())]);
    let mut dirty = home.clone();
    dirty.insert("K".to_owned(), "old".to_owned());
    let mut wrong = vec![];
    for (name, shell) in SHELLS {
        let mut tally = (0, 0, vec![]);
        for case in &cases {
            let script = case["script"].as_str().unwrap();
            let real = case["exported_K"][name].as_str();
            compare(&format!("{name}: {script:?}"), &predict(shell, script, &home), real, &mut tally);
        }
        println!("{name:<24} {:>3}/{} right, {} not known", tally.0, cases.len(), tally.1);
        wrong.extend(tally.2);
    }
    let mut tally = (0, 0, vec![]);
    for case in &cases {
        let script = case["script"].as_str().unwrap();
        let real = case["bash_when_K=old_is_inherited"].as_str();
        compare(
            &format!("bash with K=old: {script:?}"),
            &predict(Shell::Bash, script, &dirty),
            real,
            &mut tally,
        );
    }
    println!("{:<24} {:>3}/{} right, {} not known", "bash with K=old", tally.0, cases.len(), tally.1);
    wrong.extend(tally.2);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
