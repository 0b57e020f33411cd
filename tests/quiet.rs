//! Nothing that a scan does changes anything: no write, no side file, no process, no connection. Held under strace, on the
//! homes of all recordings at once; and what cannot be read costs one line, never the scan.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// System calls that change the disk, start a program or reach out.
const LOUD: &str = "execve,fork,vfork,connect,sendto,sendmsg,bind,listen,creat,unlink,unlinkat,rename,renameat,renameat2,\
mkdir,mkdirat,rmdir,link,linkat,symlink,symlinkat,truncate,ftruncate,chmod,fchmod,fchmodat,chown,fchown,fchownat,utimensat,\
mknod,mknodat,fsync,fdatasync,setxattr,fsetxattr,pwrite64,kill";

fn has_strace() -> bool {
    Command::new("strace").arg("-V").output().is_ok_and(|output| output.status.success())
}

/// One home with the files of every recording that can be beside the others.
fn full_home(root: &Path) -> Command {
    let mut last = None;
    for scenario in support::scenarios() {
        let folder = tempfile::tempdir().unwrap();
        let _ = scenario.on_disk(folder.path());
        let _ = Command::new("cp").args(["-an"]).arg(folder.path().join("home/.")).arg(root).status();
        last = Some(scenario);
    }
    assert!(last.is_some());
    let mut command = Command::new("strace");
    command.current_dir(root).env_clear().env("HOME", root).env("PATH", "/usr/local/bin:/usr/bin:/bin");
    for name in
        ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY", "GROQ_API_KEY"]
    {
        command.env(name, "sk-FAKE-ENVIRONMENT-0000000000");
    }
    command
}

#[test]
fn a_scan_writes_nothing_starts_nothing_and_connects_to_nothing() {
    if !has_strace() {
        println!("skipped: no strace");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let trace = tempfile::NamedTempFile::new().unwrap();
    let mut command = full_home(home.path());
    let traced = format!("trace={LOUD},open,openat,openat2");
    command.args(["-f", "-qq", "-e", &traced, "-o"]).arg(trace.path());
    let output = command.args([env!("CARGO_BIN_EXE_keymend"), "status", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let trace = std::fs::read_to_string(trace.path()).unwrap();
    let loud: Vec<&str> = trace
        .lines()
        .skip(1) // strace's own start of the program
        .filter(|line| !line.contains("+++") && !line.contains("---") && !line.contains("resumed>"))
        .filter(|line| {
            let opens = line.contains(" open");
            !opens || ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"].iter().any(|flag| line.contains(flag))
        })
        .collect();
    assert!(loud.is_empty(), "a scan was not quiet: {loud:#?}");
    assert!(trace.lines().count() > 50, "the trace saw the scan: {} lines", trace.lines().count());
}

/// Of a process whose arguments name no agent, nothing but those is read; of one that may be an agent's, everything.
#[test]
fn the_environment_of_a_process_is_read_only_where_it_may_be_an_agents() {
    if !has_strace() {
        println!("skipped: no strace");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sleeping = |name: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", "read line", name]).env_clear().env("PATH", &path).env("HOME", home.path());
        shell.stdin(std::process::Stdio::piped()).spawn().unwrap()
    };
    let mut children = [sleeping("nobodys-program"), sleeping("/usr/bin/litellm")];
    let trace = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new("strace");
    command.current_dir(home.path()).env_clear().env("HOME", home.path()).env("PATH", &path);
    command.args(["-f", "-qq", "-e", "trace=open,openat,openat2", "-o"]).arg(trace.path());
    let output = command.args([env!("CARGO_BIN_EXE_keymend"), "status", "--json"]).output().unwrap();
    let [other, agent] = &mut children;
    let opened = std::fs::read_to_string(trace.path()).unwrap();
    let is_read = |pid: u32, file: &str| opened.contains(&format!("\"/proc/{pid}/{file}\""));
    let seen = [other.id(), agent.id()].map(|pid| (is_read(pid, "cmdline"), is_read(pid, "environ")));
    for child in &mut children {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(seen, [(true, false), (true, true)]);
}

/// Puts something unreadable at a path.
type Spoil = fn(&Path);

/// Every place that agents read, each time replaced by something that is not a readable file.
#[test]
fn what_cannot_be_read_is_one_line_at_its_place_and_the_rest_works() {
    let places = [
        ".hermes/.env",
        ".hermes/config.yaml",
        ".openclaw/openclaw.json",
        ".openclaw/.env",
        ".codex/auth.json",
    ];
    let spoils: [(&str, Spoil); 7] = [
        ("folder", |path| std::fs::create_dir(path).unwrap()),
        ("fifo", |path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success())),
        ("binary", |path| std::fs::write(path, [0u8, 159, 146, 150, 255]).unwrap()),
        ("huge", |path| std::fs::File::create(path).unwrap().set_len(100 * 1024 * 1024).unwrap()),
        ("loop", |path| std::os::unix::fs::symlink(path, path).unwrap()),
        ("broken", |path| std::fs::write(path, "{ \"a\": [1, \n'x").unwrap()),
        ("denied", |path| {
            std::fs::write(path, "x").unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o000)).unwrap();
        }),
    ];
    for place in places {
        for (name, spoil) in spoils {
            let home = tempfile::tempdir().unwrap();
            let path = home.path().join(place);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let kept = home.path().join(".aider.conf.yml");
            std::fs::write(kept, "openai-api-key: sk-FAKE-STILL-SEEN-000000000\n").unwrap();
            spoil(&path);
            let output = Command::new(env!("CARGO_BIN_EXE_keymend"))
                .env_clear()
                .env("HOME", home.path())
                .current_dir(home.path())
                .args(["status", "--json", "--salt", "s"])
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(
                output.status.code(),
                Some(0),
                "{place} as {name}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            let seen =
                keymend::secret::Secret::new("sk-FAKE-STILL-SEEN-000000000").fingerprint("s").to_string();
            assert!(text.contains(&seen), "{place} as {name}: the other agent's key is missing");
            let root = unsafe_root();
            if !(root && name == "denied") && name != "broken" {
                let shown = place.rsplit('/').next().unwrap();
                assert!(text.contains("\"troubles\":[{"), "{place} as {name}: no line at {shown}: {text}");
            }
        }
    }
}

/// Root reads what is denied to others.
fn unsafe_root() -> bool {
    std::fs::read("/proc/self/mem").is_ok()
        || std::fs::metadata("/root").is_ok_and(|_| std::fs::read_dir("/root").is_ok())
}
