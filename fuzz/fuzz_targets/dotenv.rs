//! Any file is read by every loader, and every span lies in the file.
#![no_main]

use keymend::formats::dotenv::parse;
use keymend::source::Dialect;
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;

const ALL: [Dialect; 17] = [
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
    Dialect::Sh,
    Dialect::Zsh,
    Dialect::Fish,
    Dialect::Hermes,
];

fuzz_target!(|file: &[u8]| {
    let env = BTreeMap::from([("B".to_owned(), "envb".to_owned())]);
    for dialect in ALL {
        for found in parse(dialect, file, &env).assignments {
            assert!(found.span.start <= found.span.end && found.span.end <= file.len(), "{dialect:?}");
            assert!(found.line >= 1);
        }
    }
});
