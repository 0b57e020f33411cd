//! The terminal's window is closed, or keymend is killed: on every screen it ends quietly, with its number, no core, and
//! nothing left of the demo.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use keymend::demo::Key;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};

use super::journeys::{ENTER, ESC};

const CEILING: Duration = Duration::from_mins(1);

/// A terminal whose only handle is here, so that dropping it closes the window.
pub struct Window {
    pub master: File,
    child: Child,
    parser: vt100::Parser,
    /// Everything the program ever wrote.
    pub raw: Vec<u8>,
}

impl Window {
    /// Starts keymend as a terminal does: leader of its own session, with the terminal as its controlling one.
    /// Standard error goes to the terminal, or to `stderr`.
    pub fn open(args: &[&str], env: &[(&str, &str)], stderr: Option<&Path>) -> Self {
        Self::start(env!("CARGO_BIN_EXE_keymend"), args, env, stderr)
    }

    /// The same with another program.
    pub fn start(program: &str, args: &[&str], env: &[(&str, &str)], stderr: Option<&Path>) -> Self {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = rustix::termios::Winsize { ws_row: 40, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = || File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(program).args(args);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("TERM", "xterm-256color");
        command.env("KEYMEND_REDUCED_MOTION", "1").envs(env.iter().copied());
        command.stdin(slave()).stdout(slave());
        command
            .stderr(stderr.map_or_else(|| Stdio::from(slave()), |path| File::create(path).unwrap().into()));
        let child = command.spawn().unwrap();
        let parser = vt100::Parser::new(40.try_into().unwrap(), 120.try_into().unwrap(), 0);
        Self { master: File::from(master), child, parser, raw: Vec::new() }
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap()
    }

    pub fn send(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    pub fn screen(&self) -> String {
        self.parser.screen().contents()
    }

    /// Takes what the program wrote; false at its end.
    fn take(&mut self, patience: Duration) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let timeout = Timespec::try_from(patience).unwrap();
        let mut fds = [PollFd::new(&self.master, PollFlags::IN)];
        assert!(poll(&mut fds, Some(&timeout)).unwrap() > 0, "never came:\n{}", self.screen());
        let mut buffer = [0; 8192];
        match self.master.read(&mut buffer) {
            Ok(count @ 1..) => {
                self.raw.extend_from_slice(&buffer[..count]);
                self.parser.process(&buffer[..count]);
            }
            _ => return false,
        }
        true
    }

    #[track_caller]
    pub fn wait_for(&mut self, marker: &str) {
        let end = Instant::now() + CEILING;
        while !self.screen().contains(marker) {
            let more = self.take(end.saturating_duration_since(Instant::now()));
            assert!(more, "ended without {marker:?}:\n{}", self.screen());
        }
    }

    #[track_caller]
    pub fn press(&mut self, keys: &str, marker: &str) {
        self.send(keys);
        self.wait_for(marker);
    }

    /// Closes the window and waits for the end.
    pub fn close(self) -> ExitStatus {
        let Self { master, mut child, .. } = self;
        drop(master);
        child.wait().unwrap()
    }

    /// Waits for the end of everything that has the terminal open.
    pub fn finish(mut self) -> (ExitStatus, vt100::Parser) {
        let status = self.end();
        (status, self.parser)
    }

    /// The same, with the window still there.
    pub fn end(&mut self) -> ExitStatus {
        while self.take(CEILING) {}
        self.child.wait().unwrap()
    }
}

/// Keys and what they lead to.
type Way = &'static [(&'static str, &'static str)];

const CLAW: [(&str, &str); 3] =
    [("/", "keep"), ("claw anth", "OpenClaw · main · anthropic"), (ENTER, "quit")];

/// Every screen of the wizard, and every step of a new key.
const SCREENS: [(&str, Way); 15] = [
    ("home", &[]),
    ("filter", &[("/", "keep")]),
    ("explain", &[("e", "back")]),
    ("compare", &[CLAW[0], CLAW[1], CLAW[2], ("c", "the sources of one")]),
    ("keys", &[("K", "distinct keys")]),
    ("test all", &[("T", "answered")]),
    ("help", &[("?", "Keys: ")]),
    ("history", &[("H", "Nothing was written yet")]),
    ("undo", &[("z", "nothing to undo")]),
    ("set-up", &[("s", "1 of 3")]),
    ("paste", &[CLAW[0], CLAW[1], CLAW[2], ("p", "paste the key here")]),
    (
        "clean",
        &[
            CLAW[0],
            CLAW[1],
            CLAW[2],
            ("p", "paste the key here"),
            ("p", "write it."),
            (ESC, "(best)"),
            (ESC, "choose where to write it"),
            (ESC, "test it at Anthropic"),
        ],
    ),
    (
        "tested",
        &[
            CLAW[0],
            CLAW[1],
            CLAW[2],
            ("p", "paste the key here"),
            ("p", "write it."),
            (ESC, "(best)"),
            (ESC, "choose where to write it"),
        ],
    ),
    ("review", &[CLAW[0], CLAW[1], CLAW[2], ("p", "paste the key here"), ("p", "write it.")]),
    (
        "done",
        &[CLAW[0], CLAW[1], CLAW[2], ("p", "paste the key here"), ("p", "write it."), ("w", "now sends")],
    ),
];

/// The folders of the demo in the folder for temporary files.
fn left_in(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.to_string_lossy().into_owned()).collect()
}

/// Lets the kernel write a core if it would: what keymend itself did against it is then all there is.
fn allow_cores(pid: Pid) {
    let unlimited = Rlimit { current: None, maximum: None };
    let _ = prlimit(Some(pid), Resource::Core, unlimited);
}

#[test]
fn a_closed_window_ends_every_screen_quietly() {
    for (name, way) in SCREENS {
        let temp = tempfile::tempdir().unwrap();
        let errors = temp.path().join("stderr");
        for stderr in [None, Some(errors.as_path())] {
            let tmp = tempfile::tempdir().unwrap();
            let env = [("TMPDIR", tmp.path().to_str().unwrap())];
            let mut window = Window::open(&["demo"], &env, stderr);
            window.wait_for("By need");
            for (keys, marker) in way {
                window.press(keys, marker);
            }
            assert_eq!(left_in(tmp.path()).len(), 1, "{name}: the demo is there");
            allow_cores(window.pid());
            let status = window.close();
            assert_eq!(status.code(), Some(129), "{name}: {status}");
            assert_eq!(left_in(tmp.path()), Vec::<String>::new(), "{name}");
        }
        assert_eq!(std::fs::read_to_string(&errors).unwrap(), "", "{name}");
    }
}

#[test]
fn a_signal_has_its_number_and_the_demo_is_gone() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let tmp = tempfile::tempdir().unwrap();
        let env = [("TMPDIR", tmp.path().to_str().unwrap())];
        let mut window = Window::open(&["demo"], &env, None);
        window.wait_for("By need");
        kill_process(window.pid(), signal).unwrap();
        let (status, parser) = window.finish();
        assert_eq!(status.code(), Some(code), "{signal:?}");
        assert!(!parser.screen().alternate_screen() && !parser.screen().hide_cursor());
        assert_eq!(left_in(tmp.path()), Vec::<String>::new());
    }
}

#[test]
fn an_abort_leaves_no_core_and_the_terminal_as_it_was() {
    // A failed allocation aborts; so does this signal, at the same place, without a panic hook.
    for signal in [Signal::ABORT, Signal::KILL] {
        let tmp = tempfile::tempdir().unwrap();
        let env = [("TMPDIR", tmp.path().to_str().unwrap())];
        let mut window = Window::open(&["demo"], &env, None);
        let before = rustix::termios::tcgetattr(&window.master).unwrap();
        window.wait_for("By need");
        window.press("?", "Keys: ");
        allow_cores(window.pid());
        kill_process(window.pid(), signal).unwrap();
        window.wait_for("keymend was ended before it could say why");
        let master = window.master.try_clone().unwrap();
        let (status, parser) = window.finish();
        assert_eq!(status.signal(), Some(signal.as_raw()));
        assert!(!status.core_dumped(), "{signal:?}");
        let screen = parser.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
        let after = rustix::termios::tcgetattr(&master).unwrap();
        assert_eq!(
            (after.input_modes, after.output_modes, after.control_modes, after.local_modes),
            (before.input_modes, before.output_modes, before.control_modes, before.local_modes)
        );
        // The next wizard removes what the killed one could not.
        assert_eq!(left_in(tmp.path()).len(), 1);
        let mut window = Window::open(&["demo"], &env, None);
        window.wait_for("By need");
        window.send("q");
        let (status, _) = window.finish();
        assert_eq!(status.code(), Some(0));
        assert_eq!(left_in(tmp.path()), Vec::<String>::new());
    }
}

/// An update replaces the program's file while the wizard runs: no path leads to what runs then.
#[test]
fn a_program_whose_file_is_gone_gives_the_terminal_back_after_a_kill() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let program = folder.path().join("keymend");
    std::fs::hard_link(env!("CARGO_BIN_EXE_keymend"), &program).unwrap();
    let tmp = tempfile::tempdir().unwrap();
    let env = [("TMPDIR", tmp.path().to_str().unwrap())];
    // Deleted before it starts: whenever the guard is started, the file is gone.
    let path = program.display();
    let line = format!("exec 9< '{path}' && rm '{path}' && exec /proc/self/fd/9 demo");
    let mut window = Window::start("sh", &["-c", &line], &env, None);
    let before = rustix::termios::tcgetattr(&window.master).unwrap();
    window.wait_for("By need");
    window.press("?", "Keys: ");
    assert!(!program.exists());
    kill_process(window.pid(), Signal::KILL).unwrap();
    window.wait_for("keymend was ended before it could say why");
    let master = window.master.try_clone().unwrap();
    let (status, parser) = window.finish();
    assert_eq!(status.signal(), Some(Signal::KILL.as_raw()));
    assert!(!parser.screen().alternate_screen() && !parser.screen().hide_cursor());
    let after = rustix::termios::tcgetattr(&master).unwrap();
    assert_eq!((after.local_modes, after.output_modes), (before.local_modes, before.output_modes));
}

#[test]
fn without_utf_8_every_screen_is_ascii() {
    for (name, way) in SCREENS {
        let tmp = tempfile::tempdir().unwrap();
        let env = [("TMPDIR", tmp.path().to_str().unwrap()), ("LANG", "C")];
        let mut window = Window::open(&["demo"], &env, None);
        window.wait_for("By need");
        for (keys, marker) in way {
            window.press(keys, &marker.replace(" · ", " - "));
        }
        window.send("\u{3}");
        assert_eq!(window.end().code(), Some(0), "{name}");
        assert!(window.raw.is_ascii(), "{name}: {}", window.screen());
    }
}

#[test]
fn a_dumb_terminal_is_told_what_to_use() {
    let home = tempfile::tempdir().unwrap();
    let env = [("HOME", home.path().to_str().unwrap()), ("TERM", "dumb")];
    let mut window = Window::open(&[], &env, None);
    window.wait_for("line by line");
    window.press("nonsense\r", "This was not understood.");
    window.send("q\r");
    assert_eq!(window.end().code(), Some(0));
    assert!(!window.raw.contains(&0x1b), "no escape sequence");
    let mut window = Window::open(&["demo"], &env, None);
    assert_eq!(window.end().code(), Some(2));
    assert!(!window.raw.contains(&0x1b), "no escape sequence");
    assert!(window.screen().contains("TERM=dumb") && window.screen().contains("keymend status"));
}

/// A running wizard's own limits, as the system shows them.
#[test]
fn a_running_wizard_dumps_no_core_and_shows_nobody_its_memory() {
    let home = tempfile::tempdir().unwrap();
    let key = Key::Working("anthropic").text();
    let env = [("HOME", home.path().to_str().unwrap()), ("ANTHROPIC_API_KEY", &*key)];
    let mut window = Window::open(&["--offline"], &env, None);
    window.wait_for("help");
    let pid = window.pid().as_raw_nonzero();
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    // What belongs to a process that is not dumpable belongs to root; for root itself there is nothing to see.
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(format!("/proc/{pid}/mem")).unwrap());
    assert_eq!(owner, 0);
    window.send("\u{3}");
    assert_eq!(window.finish().0.code(), Some(0));
}
