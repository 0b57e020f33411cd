//! The console blocks: what they show is what the built program prints in the home that they name
//! (`tests/readme/homes/HOME.txt`, in the form of a recording).

use std::path::Path;
use std::process::Command;

use super::pages;

#[path = "../support/recording.rs"]
mod recording;

/// Where the home is in what a page shows.
const HOME: &str = "/home/ann";

/// The home's files below `root`, and its variables.
fn build(name: &str, root: &Path) -> Vec<(String, String)> {
    let path = pages::root().join(format!("tests/readme/homes/{name}.txt"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let home = recording::read("readme", name, &format!("{text}\n-- expect --\n"));
    let ten_hours = std::time::SystemTime::now() + std::time::Duration::from_mins(10 * 60 + 1);
    let later = ten_hours.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis().to_string();
    let fill = |text: &str| {
        text.replace("{{HOME}}", &root.join("home").to_string_lossy()).replace("{{IN10HOURS}}", &later)
    };
    std::fs::create_dir_all(root.join("home")).unwrap();
    std::fs::create_dir_all(root.join("work")).unwrap();
    for (path, content) in home["files"].as_object().unwrap() {
        let file = match path.strip_prefix("CWD/") {
            Some(rest) => root.join("work").join(rest),
            None => root.join("home").join(path),
        };
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, fill(content.as_str().unwrap())).unwrap();
        let mode = home["modes"][path].as_str().map_or(0o600, |mode| u32::from_str_radix(mode, 8).unwrap());
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    }
    let variables = home["env"].as_object().unwrap();
    variables.iter().map(|(name, value)| (name.clone(), fill(value.as_str().unwrap()))).collect()
}

/// What a command prints, on both streams in their order. Nothing but keymend and the shell's own is on the path, so that
/// no agent of this machine is found; what `| jq .` would do is done here.
fn printed(command: &str, root: &Path, variables: &[(String, String)]) -> String {
    if let Some(command) = command.strip_suffix(" | jq .") {
        let json: serde_json::Value = serde_json::from_str(&printed(command, root, variables)).unwrap();
        return serde_json::to_string_pretty(&json).unwrap();
    }
    let built = Path::new(env!("CARGO_BIN_EXE_keymend")).parent().unwrap();
    let out = Command::new("/bin/sh")
        .args(["-c", &format!("{{ {command}\n}} 2>&1")])
        .env_clear()
        .env("HOME", root.join("home"))
        .env("PATH", built)
        .env("LANG", "C.UTF-8")
        .envs(variables.iter().cloned())
        .current_dir(root.join("work"))
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let text =
        text.replace(&*root.join("home").to_string_lossy(), HOME).replace(&*root.to_string_lossy(), "/srv");
    let action = regex::Regex::new(r"\b\d{8}-\d{6}-\d{3}\b").unwrap();
    action.replace_all(&text, "20261128-034217-001").trim_end().to_owned()
}

/// The block as it is when its commands are run, one after the other in one home.
fn ran(home: &str, block: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let variables = build(home, &root);
    let commands = block.iter().filter_map(|line| line.strip_prefix("$ "));
    let shown = commands.map(|command| {
        let said = printed(command, &root, &variables);
        if said.is_empty() { format!("$ {command}\n") } else { format!("$ {command}\n{said}\n") }
    });
    shown.collect()
}

#[test]
fn the_console_blocks_are_what_the_program_prints() {
    let _turn = pages::turn();
    let mut wrong = String::new();
    let mut count = 0;
    for path in pages::all() {
        let old = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = old.lines().collect();
        let mut new = String::new();
        let mut from = 0;
        for block in pages::blocks(&old) {
            let (Some(home), "console") = (&block.home, block.kind.as_str()) else { continue };
            count += 1;
            let shown = ran(home, &lines[block.lines.clone()]);
            new += &(lines[from..block.lines.start].join("\n") + "\n" + &shown);
            from = block.lines.end;
        }
        new += &(lines[from..].join("\n") + "\n");
        if new == old {
            continue;
        }
        if pages::updates() {
            std::fs::write(&path, new).unwrap();
        } else {
            let lines = old.lines().zip(new.lines()).filter(|(old, new)| old != new).take(3);
            let change: String = lines.map(|(old, new)| format!("- {old}\n+ {new}\n")).collect();
            wrong += &format!("{}\n{change}", pages::name(&path));
        }
    }
    assert!(
        wrong.is_empty() && count >= 10,
        "{count} blocks: KEYMEND_UPDATE=1 cargo test --test readme\n{wrong}"
    );
}
