//! What the real loaders read (`tests/corpora/dotenv_truth.json`) against what is read here.

use std::collections::BTreeMap;

use base64::Engine as _;
use serde_json::Value;

use super::parse;
use crate::source::Dialect;

const PARSERS: [(&str, Dialect); 16] = [
    ("bash set -a", Dialect::Bash),
    ("sh (dash) set -a", Dialect::Sh),
    ("zsh set -a", Dialect::Zsh),
    ("python-dotenv 1.2.4", Dialect::PythonDotenv),
    ("node dotenv 18.0.10", Dialect::NodeDotenv),
    ("node dotenv 16.6.1", Dialect::NodeDotenv),
    ("node 20 --env-file", Dialect::NodeEnvFile),
    ("dotenvy 0.15.7", Dialect::Dotenvy),
    ("docker CLI 28 --env-file", Dialect::DockerCli),
    ("docker compose v2 (compose-go v2.13) env_file", Dialect::ComposeGo),
    ("docker-compose 1.29.2 env_file", Dialect::ComposeV1),
    ("direnv 2.32 dotenv", Dialect::Direnv),
    ("bun 1.4 --env-file", Dialect::Bun),
    ("systemd 252 EnvironmentFile", Dialect::SystemdEnvFile),
    ("systemd 252 environment.d", Dialect::EnvironmentD),
    ("pam_env 1.5.2 /etc/environment", Dialect::PamEnv),
];

/// The recording shows the environment of the process that was started, so that a variable which the file does not
/// set keeps its value.
const SHOWS_ENVIRONMENT: [Dialect; 7] = [
    Dialect::Bash,
    Dialect::Sh,
    Dialect::Zsh,
    Dialect::NodeEnvFile,
    Dialect::Bun,
    Dialect::SystemdEnvFile,
    Dialect::PamEnv,
];

/// Not predicted, with the reason: the value is what a command prints, and no command is run.
const MISSES: [(Dialect, &str); 3] =
    [(Dialect::Bash, "backticks"), (Dialect::Sh, "backticks"), (Dialect::Zsh, "backticks")];

/// The loader does not change a variable that the environment already has.
const ENV_WINS: [Dialect; 2] = [Dialect::NodeEnvFile, Dialect::Bun];

fn file(case: &Value) -> Vec<u8> {
    if let Some(text) = case["lines"].as_str() {
        return text.as_bytes().to_vec();
    }
    if let Some(text) = case["lines_b64"].as_str() {
        return base64::prelude::BASE64_STANDARD.decode(text).unwrap();
    }
    format!("J=2\nP={}\nK=abc\n", "x".repeat(70_000)).into_bytes()
}

fn predict(dialect: Dialect, bytes: &[u8], env: &BTreeMap<String, String>, name: &str) -> Option<String> {
    let inherited = env.get(name).filter(|_| SHOWS_ENVIRONMENT.contains(&dialect));
    if inherited.is_some() && ENV_WINS.contains(&dialect) {
        return inherited.cloned();
    }
    let parsed = parse(dialect, bytes, env);
    parsed.get(name).map(|assignment| assignment.value.clone()).or_else(|| inherited.cloned())
}

#[test]
fn every_recording_is_predicted() {
    let misses = compare(include_str!("../../../tests/corpora/dotenv_truth.json"));
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}

/// More recordings of the same form, made on this machine: `KEYMEND_RECORDINGS=file cargo test`.
#[test]
fn recordings_made_here_are_predicted() {
    let Ok(file) = std::env::var("KEYMEND_RECORDINGS") else {
        println!("skipped: no KEYMEND_RECORDINGS");
        return;
    };
    let misses = compare(&std::fs::read_to_string(file).unwrap());
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}

/// Prints the table and returns what is not predicted.
fn compare(recordings: &str) -> Vec<String> {
    let cases: Vec<Value> = serde_json::from_str(recordings).unwrap();
    let mut misses = vec![];
    for (parser, dialect) in PARSERS {
        let mut right = 0;
        for case in &cases {
            let bytes = file(case);
            let env = serde_json::from_value(case["process_env"].clone()).unwrap();
            let Some(vars) = case["results"][parser]["vars"].as_object() else { continue };
            let wrong: Vec<_> = vars
                .iter()
                .map(|(name, value)| {
                    (name, value.as_str().map(str::to_owned), predict(dialect, &bytes, &env, name))
                })
                .filter(|(_, real, ours)| real != ours)
                .collect();
            let name = case["name"].as_str().unwrap();
            if MISSES.contains(&(dialect, name)) {
                assert!(!wrong.is_empty(), "{parser}: {name} is no miss any more");
            } else if wrong.is_empty() {
                right += 1;
            } else {
                misses.push(format!("{parser}: {} {name}: {wrong:?}", case["id"]));
            }
        }
        println!("{parser:<46} {right:>3}/{}", cases.len());
    }
    misses
}

proptest::proptest! {
    #[test]
    fn any_file_is_read_and_spans_lie_in_it(file in "[ \nKJ=\"'`#$\\\\{}:;&|()<>a-c\r\t\u{a0}export]{0,60}", raw in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..60)) {
        let env = BTreeMap::from([("B".to_owned(), "envb".to_owned())]);
        for bytes in [file.as_bytes(), raw.as_slice()] {
            for dialect in PARSERS.map(|(_, dialect)| dialect).into_iter().chain([Dialect::Hermes, Dialect::Fish]) {
                for found in parse(dialect, bytes, &env).assignments {
                    proptest::prop_assert!(found.span.start <= found.span.end && found.span.end <= bytes.len(), "{:?}", dialect);
                    proptest::prop_assert!(found.line >= 1);
                }
            }
        }
    }
}

#[test]
fn spans_and_lines_point_at_the_value() {
    for dialect in PARSERS.map(|(_, dialect)| dialect).into_iter().chain([Dialect::Hermes]) {
        let file = b"# note\nA=1\nexport K='abc' \nL=def\n";
        let parsed = parse(dialect, file, &BTreeMap::new());
        let exact = |name: &str, text: &[u8], line| {
            if let Some(found) = parsed.get(name) {
                assert_eq!(&file[found.span.clone()], text, "{dialect:?} {name}");
                assert_eq!(found.line, line, "{dialect:?} {name}");
                assert_eq!(found.quoted, text.starts_with(b"'"), "{dialect:?} {name}");
            }
        };
        exact("A", b"1", 2);
        exact("K", b"'abc'", 3);
        exact("L", b"def", 4);
    }
}
