//! What belongs to another home decides nothing here: no process, no variable of the shell, no keyring.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::process::{Child, Command, Stdio};

const KEY: &str = "sk-or-v1-fa4e00000000000000000000000000000000000000000000000000000000fa4e";
const CONFIG: &str =
    "model_list:\n- model_name: m\n  litellm_params:\n    model: openrouter/m\n    api_key: KEY\n";

/// A process that is called as LiteLLM's proxy is, with a relative path to its configuration, and waits.
struct Proxy(Child);

impl Proxy {
    fn start(home: &Path, folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("proxy.yaml"), CONFIG.replace("KEY", KEY)).unwrap();
        let program = folder.join("litellm");
        // `read` waits on the pipe that the test holds; it ends with the test, whatever happens to it.
        std::fs::write(&program, "#!/bin/sh\necho ready\nread line\n").unwrap();
        let mut child = Command::new("/bin/sh")
            .arg(&program)
            .args(["--config", "proxy.yaml"])
            .env_clear()
            .env("HOME", home)
            .env("PATH", "/usr/bin:/bin")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0_u8; 6];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
        Self(child)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn keymend(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keymend"));
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").current_dir(home);
    command
}

fn json(command: &mut Command) -> serde_json::Value {
    let output = command.args(["status", "litellm", "--json"]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

#[test]
fn a_process_of_another_home_is_not_seen_and_one_of_this_home_is_read_from_where_it_runs() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _theirs = Proxy::start(theirs.path(), &theirs.path().join("work"));
    let empty = json(&mut keymend(ours.path()));
    let present = |agent: &serde_json::Value| agent["present"] != false;
    assert!(!empty["agents"].as_array().unwrap().iter().any(present), "{empty}");
    assert!(!empty.to_string().contains("proxy.yaml"), "{empty}");
    let _ours = Proxy::start(ours.path(), &ours.path().join("deep/work"));
    let found = json(&mut keymend(ours.path()));
    let slots = found["slots"].as_array().unwrap();
    let slot = slots.iter().find(|slot| slot["profile"] == "proxy/m").unwrap_or_else(|| panic!("{found}"));
    let place = "~/deep/work/proxy.yaml#/model_list/0/litellm_params/api_key";
    assert_eq!(slot["candidates"][0]["place"], place, "{found}");
    assert_eq!(slot["sends"]["outcome"], "sends", "{found}");
}

#[test]
fn the_shell_of_another_home_is_left_out_and_that_is_said() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::create_dir(theirs.path().join(".hermes")).unwrap();
    std::fs::write(theirs.path().join(".hermes/.env"), "").unwrap();
    let ask = |home: &Path| {
        let mut command = keymend(home);
        command.env("OPENROUTER_API_KEY", KEY).arg("--home").arg(theirs.path());
        command.args(["status", "hermes/openrouter", "--json"]).output().unwrap()
    };
    let other = ask(ours.path());
    let said = String::from_utf8(other.stderr).unwrap();
    assert!(said.contains("left out (OPENROUTER_API_KEY)"), "{said}");
    assert!(!String::from_utf8(other.stdout).unwrap().contains("\"outcome\":\"sends\""));
    let own = ask(theirs.path());
    assert_eq!(String::from_utf8(own.stderr).unwrap(), "");
    assert!(String::from_utf8(own.stdout).unwrap().contains("\"outcome\":\"sends\""));
}
