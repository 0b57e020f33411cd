//! A second, tiny process that gives the terminal back where the wizard cannot: killed, out of memory, aborted.
//!
//! An allocation that fails aborts without the panic hook, and `SIGKILL` asks nobody, so nothing inside of the process
//! can help. The guard is this program again, started beside the wizard; it holds no key, has no environment, and does
//! nothing but wait for the end of a pipe. The wizard says over that pipe whether it has the terminal; when the pipe
//! ends while it has, the guard puts the terminal back.

use std::io::{Read as _, Write as _};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use rustix::termios::{ControlModes, InputModes, LocalModes, OutputModes, Termios, tcgetattr};

/// The guard's name, as `ps` shows it; no person starts keymend by it.
const NAME: &str = "keymend-guard";
/// The terminal is taken.
const TAKEN: u8 = b'+';
/// The terminal was given back.
const GIVEN: u8 = b'-';

struct State {
    taken: bool,
    pipe: Option<ChildStdin>,
}

static STATE: Mutex<State> = Mutex::new(State { taken: false, pipe: None });

/// Starts the guard on its own thread, so that nothing waits for it. Where it cannot be started, everything works
/// without it.
pub fn start() {
    let Ok(modes) = tcgetattr(super::output::screen()) else { return };
    std::thread::spawn(move || {
        let Some(pipe) = spawn(&modes) else { return };
        let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
        state.pipe = Some(pipe);
        let taken = state.taken;
        tell(&mut state, taken);
    });
}

fn spawn(modes: &Termios) -> Option<ChildStdin> {
    use std::os::unix::process::CommandExt as _;
    let numbers = [
        u64::from(modes.input_modes.bits()),
        u64::from(modes.output_modes.bits()),
        u64::from(modes.control_modes.bits()),
        u64::from(modes.local_modes.bits()),
    ];
    let mut command = Command::new(program()?);
    command.arg0(NAME).args(numbers.map(|number| number.to_string())).env_clear().current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::inherit()).stderr(Stdio::null());
    command.spawn().ok()?.stdin
}

/// This program. On Linux by the kernel's own link, which leads there even where the file is in a folder that is closed to
/// this user, or has been replaced or deleted meanwhile.
fn program() -> Option<std::path::PathBuf> {
    if cfg!(target_os = "linux") { Some("/proc/self/exe".into()) } else { std::env::current_exe().ok() }
}

/// Notes that the wizard takes the terminal, or has given it back. Never waits: a panic comes this way too.
pub fn note(taken: bool) {
    if let Ok(mut state) = STATE.try_lock() {
        tell(&mut state, taken);
    }
}

fn tell(state: &mut State, taken: bool) {
    state.taken = taken;
    if let Some(pipe) = &mut state.pipe {
        // A guard that is gone cannot be told anything.
        let _ = pipe.write_all(&[if taken { TAKEN } else { GIVEN }]);
    }
}

/// Whether this process was started as the guard.
#[must_use]
pub fn is_asked() -> bool {
    std::env::args_os().next().is_some_and(|name| name == NAME)
}

/// Waits for the end of the wizard; whether it had the terminal then.
#[must_use]
pub fn wait() -> bool {
    // The kernel sends SIGHUP to the terminal's programs when a session ends, and stops one in the background that
    // changes the terminal's modes (SIGTTOU). The pipe's end is what ends this process, and it always comes.
    let _ = nix::sys::signal::SigSet::all().thread_block();
    let mut taken = false;
    let mut byte = [0];
    loop {
        match std::io::stdin().read(&mut byte) {
            Ok(1..) => taken = byte[0] == TAKEN,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            _ => return taken,
        }
    }
}

/// Gives the terminal the modes it had before the wizard, unless a shell has set its own by now: those are never as raw
/// as the wizard's.
pub fn restore_modes() {
    use rustix::termios::{OptionalActions, tcsetattr};
    let out = super::output::screen();
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let (Ok(mut modes), [input, output, control, local]) = (tcgetattr(&out), numbers.as_slice()) else {
        return;
    };
    if modes.output_modes.contains(OutputModes::OPOST) || modes.local_modes.contains(LocalModes::ISIG) {
        return;
    }
    modes.input_modes = InputModes::from_bits_retain(narrow(*input));
    modes.output_modes = OutputModes::from_bits_retain(narrow(*output));
    modes.control_modes = ControlModes::from_bits_retain(narrow(*control));
    modes.local_modes = LocalModes::from_bits_retain(narrow(*local));
    let _ = tcsetattr(&out, OptionalActions::Now, &modes);
}

/// The system's own width of these numbers, which differs.
fn narrow<T: TryFrom<u64> + Default>(number: u64) -> T {
    T::try_from(number).unwrap_or_default()
}
