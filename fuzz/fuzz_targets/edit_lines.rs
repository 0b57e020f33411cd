//! The editors of dotenv files, shell start-up files and units: no panic, and going back gives the same bytes.
#![no_main]

use keymend::edit::{Edit, New, Spot, Syntax, apply};
use keymend::secret::Secret;
use keymend::source::Dialect;
use libfuzzer_sys::fuzz_target;

const DIALECTS: &[Dialect] = &[
    Dialect::PythonDotenv,
    Dialect::NodeDotenv,
    Dialect::NodeEnvFile,
    Dialect::Bun,
    Dialect::Dotenvy,
    Dialect::DockerCli,
    Dialect::ComposeGo,
    Dialect::ComposeV1,
    Dialect::Direnv,
    Dialect::SystemdEnvFile,
    Dialect::EnvironmentD,
    Dialect::PamEnv,
    Dialect::Bash,
    Dialect::Zsh,
    Dialect::Fish,
    Dialect::Hermes,
];

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (dialect, text) = input;
    let dialect = DIALECTS[usize::from(dialect) % DIALECTS.len()];
    let set = |text: &[u8], key: &str| {
        let spot = Spot::Variable { name: "K".to_owned(), line: None };
        apply(Syntax::Lines(dialect), Some(text), &[Edit { spot, new: New::Key(Secret::new(key)) }])
    };
    let Ok(first) = set(&text, "sk-FAKE-one-0123456789") else { return };
    let second = set(&first, "sk-FAKE-two-9876543210").expect("what was written can be written again");
    let third = set(&second, "sk-FAKE-one-0123456789").expect("and again");
    let fourth = set(&third, "sk-FAKE-two-9876543210").expect("and back");
    assert_eq!(second, fourth);
});
