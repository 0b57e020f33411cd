//! The built program in a real pseudo-terminal, with its screen as text.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, WaitOptions};

/// The longest a marker may take to appear; a ceiling for a slow machine, never waited for when it is there.
const CEILING: Duration = Duration::from_mins(1);

/// A little more than the time in which keymend drops what a paste drags along (`tui/intake.rs`).
const DEAF_AFTER_PASTE: Duration = Duration::from_millis(350);

fn nonzero(cells: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(cells).unwrap()
}

pub struct Pty {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn std::io::Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    output: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    /// Everything the program ever wrote.
    pub raw: Vec<u8>,
}

impl Pty {
    /// Starts `keymend` with these arguments and this environment alone.
    pub fn start(args: &[&str], env: &[(&str, &str)], size: (u16, u16)) -> Self {
        Self::start_in(None, args, env, size)
    }

    /// The same in a folder.
    pub fn start_in(
        folder: Option<&Path>,
        args: &[&str],
        env: &[(&str, &str)],
        (cols, rows): (u16, u16),
    ) -> Self {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_keymend"));
        command.args(args);
        command.env_clear();
        if let Some(folder) = folder {
            command.cwd(folder);
        }
        command.env("TERM", "xterm-256color");
        command.env("KEYMEND_REDUCED_MOTION", "1");
        for (name, value) in env {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let (sender, output) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        let parser = vt100::Parser::new(nonzero(rows), nonzero(cols), 0);
        Self { master: pair.master, writer, child, output, parser, raw: Vec::new() }
    }

    pub fn send(&mut self, keys: &str) -> &mut Self {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
        self
    }

    /// A bracketed paste, as a terminal sends it.
    pub fn paste(&mut self, text: &str) -> &mut Self {
        self.send(&format!("\u{1b}[200~{text}\u{1b}[201~"))
    }

    /// A paste, what the screen makes of it, and the pause behind it in which keymend drops keys: what is sent next is
    /// heard.
    #[track_caller]
    pub fn paste_until(&mut self, text: &str, marker: &str) -> String {
        self.paste(text);
        let screen = self.wait_for(marker);
        // The pause began before its effect was on the screen, so that this is never too short.
        let end = Instant::now() + DEAF_AFTER_PASTE;
        while let Ok(bytes) = self.output.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.take(&bytes);
        }
        screen
    }

    /// Waits until the screen was drawn once more.
    #[track_caller]
    pub fn next_frame(&mut self) -> String {
        let bytes = self.output.recv_timeout(CEILING).unwrap();
        self.take(&bytes);
        self.wait_until("a whole frame", |_| true)
    }

    /// Keys, and what they lead to.
    #[track_caller]
    pub fn press(&mut self, keys: &str, marker: &str) -> String {
        self.send(keys);
        self.wait_for(marker)
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(self.pid(), signal).unwrap();
    }

    /// Waits until the program has stopped itself.
    pub fn wait_until_stopped(&self) {
        let status = rustix::process::waitpid(Some(self.pid()), WaitOptions::UNTRACED).unwrap();
        assert!(status.is_some_and(|(_, status)| status.stopped()), "the program did not stop");
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.process_id().unwrap()).unwrap()).unwrap()
    }

    /// Each frame ends with the cursor hidden; in between, parts of two frames are on the screen.
    fn frame_is_whole(&self) -> bool {
        !self.parser.screen().alternate_screen() || self.raw.ends_with(b"\x1b[?25l")
    }

    fn take(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        self.parser.process(bytes);
    }

    pub fn resize(&mut self, cols: u16, rows: u16) {
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        self.parser.screen_mut().set_size(nonzero(rows), nonzero(cols));
    }

    pub fn screen(&self) -> String {
        self.parser.screen().contents()
    }

    pub fn cells(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    /// Waits until `marker` is on the screen.
    #[track_caller]
    pub fn wait_for(&mut self, marker: &str) -> String {
        self.wait_until(marker, |screen| screen.contains(marker))
    }

    #[track_caller]
    pub fn wait_until(&mut self, what: &str, done: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + CEILING;
        loop {
            let screen = self.screen();
            if self.frame_is_whole() && done(&screen) {
                return screen;
            }
            match self.output.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => {
                    self.take(&bytes);
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("never saw {what:?} on:\n{screen}")
                }
            }
        }
    }

    /// Waits for the end and gives the exit code.
    pub fn finish(&mut self) -> u32 {
        let end = Instant::now() + CEILING;
        while let Ok(bytes) = self.output.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.take(&bytes);
        }
        self.child.wait().unwrap().exit_code()
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
