//! Questions and hidden input at the person's terminal, whatever standard input and output are used for.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use crossterm::event::{
    self, DisableBracketedPaste, EnableBracketedPaste, Event, KeyCode, KeyEventKind, KeyModifiers,
};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use zeroize::{Zeroize as _, Zeroizing};

use super::ending::Ending;
use super::{charset, output};
use crate::exit::{HANGUP, INTERRUPT};
use crate::secret::Secret;

/// The most that is read: more than any key, and what the cleaner refuses in its own words.
const MAX_BYTES: usize = 2 * 1024 * 1024;
/// The room that is there from the start, so that growing makes no copy of a key.
const ROOM: usize = 128 * 1024;
/// How many dots are shown at the most.
const MAX_DOTS: usize = 16;
/// How often a signal is looked for.
const LOOK: Duration = Duration::from_millis(100);

/// Standard input is the key, or was read to its end; an answer cannot come from there any more.
static USED_UP: AtomicBool = AtomicBool::new(false);

/// Standard input is a key: what is asked from now on is asked at the terminal.
pub fn keep_for_the_key() {
    USED_UP.store(!is_attended(), Ordering::Relaxed);
}

/// What a person said to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// `y` or `yes`.
    Yes,
    /// Anything else.
    No,
    /// There is no terminal, and nothing came in.
    Nobody,
}

/// Whether a person sits at standard input.
#[must_use]
pub fn is_attended() -> bool {
    io::stdin().is_terminal()
}

/// Whether a question would be seen and could be answered: by a person at standard input, or, where standard input was the
/// key, at the terminal that shows what this program prints.
#[must_use]
pub fn can_ask() -> bool {
    if USED_UP.load(Ordering::Relaxed) { output::is_terminal() && terminal().is_ok() } else { is_attended() }
}

/// Standard input to its end, bounded.
pub fn read_all() -> io::Result<Zeroizing<Vec<u8>>> {
    use std::io::Read as _;
    USED_UP.store(true, Ordering::Relaxed);
    let mut bytes = Zeroizing::new(Vec::with_capacity(ROOM));
    io::stdin().lock().take(MAX_BYTES as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Asks a question. The answer comes from standard input, or from the terminal where standard input was the key.
pub fn ask(question: &str) -> io::Result<Answered> {
    let question = format!("{question} [y/N] ");
    if !USED_UP.load(Ordering::Relaxed) {
        output::err(&question)?;
        let mut line = String::new();
        let read = io::stdin().read_line(&mut line)?;
        return Ok(if read == 0 && !is_attended() { Answered::Nobody } else { judged(&line) });
    }
    let Ok((mut write, read)) = terminal() else { return Ok(Answered::Nobody) };
    write.write_all(output::shown(&question).as_bytes())?;
    write.flush()?;
    let mut line = String::new();
    BufReader::new(read).read_line(&mut line)?;
    Ok(judged(&line))
}

/// One line of standard input after this prompt; none at its end.
pub fn line(prompt: &str) -> io::Result<Option<String>> {
    output::err(prompt)?;
    let mut line = String::new();
    let read = io::stdin().read_line(&mut line)?;
    Ok((read > 0).then(|| line.trim().to_owned()))
}

fn judged(line: &str) -> Answered {
    match line.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Answered::Yes,
        _ => Answered::No,
    }
}

/// The terminal that this process was started in, to write to and to read from.
fn terminal() -> io::Result<(File, File)> {
    let (output, input) = if cfg!(windows) { ("CONOUT$", "CONIN$") } else { ("/dev/tty", "/dev/tty") };
    Ok((File::options().write(true).open(output)?, File::open(input)?))
}

/// What came of a hidden prompt.
pub enum Hidden {
    /// What was typed or pasted.
    Text(Secret),
    /// Nothing was entered.
    Nothing,
    /// A signal, or Ctrl-C.
    Ended(i32),
}

/// The terminal with echo off, put back when dropped.
struct Raw {
    out: Box<dyn Write>,
    /// The terminal understands no escape sequences.
    dumb: bool,
}

impl Raw {
    fn enter() -> io::Result<Self> {
        let out: Box<dyn Write> = match terminal() {
            Ok((write, _)) => Box::new(write),
            Err(_) => output::prompt(),
        };
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        output::on_panic(|| drop(disable_raw_mode()));
        enable_raw_mode()?;
        let mut raw = Self { out, dumb };
        if !dumb {
            crossterm::execute!(raw.out, EnableBracketedPaste)?;
        }
        Ok(raw)
    }

    /// The prompt, a dot for each character, and what it looks like; never a part of the text.
    fn draw(&mut self, prompt: &str, length: usize, form: &str) -> io::Result<()> {
        let dot = if charset::is_ascii() { "*" } else { "•" };
        let line = format!("{prompt} {} {form}", dot.repeat(length.min(MAX_DOTS)));
        let columns = crossterm::terminal::size().map_or(80, |(columns, _)| usize::from(columns));
        let line: String = line.chars().take(columns.saturating_sub(1)).collect();
        write!(self.out, "\r\u{1b}[K{}", output::shown(&line))?;
        self.out.flush()
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if !self.dumb {
            let _ = crossterm::execute!(self.out, DisableBracketedPaste);
        }
        // What a paste without brackets still brings is not for the shell.
        #[cfg(unix)]
        let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
        let _ = disable_raw_mode();
        output::on_panic(|| {});
        let _ = self.out.write_all(b"\n");
    }
}

/// Asks for a key at the terminal without showing it. `form` says what the text looks like so far.
pub fn hidden(prompt: &str, form: &dyn Fn(&Secret) -> String) -> io::Result<Hidden> {
    let ending = Ending::listen()?;
    let mut raw = Raw::enter()?;
    let mut text = Zeroizing::new(String::with_capacity(ROOM));
    if raw.dumb {
        write!(raw.out, "{} ", output::shown(prompt))?;
        raw.out.flush()?;
    }
    let (asks, events) = input();
    loop {
        if !raw.dumb {
            let form = if text.is_empty() { String::new() } else { form(&Secret::new(text.as_str())) };
            raw.draw(prompt, text.chars().count(), &form)?;
        }
        // Everything that has come is taken before the next drawing: a paste without brackets comes letter by letter.
        let mut more = true;
        while more {
            let _ = asks.send(());
            let event = loop {
                match events.recv_timeout(LOOK) {
                    Ok(Ok((event, another))) => {
                        more = another;
                        break event;
                    }
                    Ok(Err(error)) if !is_gone() => return Err(error),
                    Err(RecvTimeoutError::Timeout) if !is_gone() => {}
                    _ => return Ok(Hidden::Ended(ending.signal().unwrap_or(HANGUP))),
                }
                if let Some(signal) = ending.signal() {
                    return Ok(Hidden::Ended(signal));
                }
            };
            if let Some(end) = take(event, &mut text) {
                return Ok(end);
            }
        }
    }
}

/// An event of the terminal, and whether another one waits.
type Next = io::Result<(Event, bool)>;

/// Reads one event for each time it is asked, on its own thread: where the window is closed, crossterm's read turns
/// without an end. Between two asks it reads nothing, so that what follows the prompt is there for the next question.
fn input() -> (Sender<()>, Receiver<Next>) {
    let (asks, asked) = mpsc::channel();
    let (sender, events) = mpsc::channel();
    std::thread::spawn(move || {
        while asked.recv().is_ok() {
            let next = event::read().and_then(|event| Ok((event, event::poll(Duration::ZERO)?)));
            if sender.send(next).is_err() {
                return;
            }
        }
    });
    (asks, events)
}

/// Whether the terminal's window is closed: its modes cannot be asked for any more.
#[must_use]
pub fn is_gone() -> bool {
    #[cfg(unix)]
    {
        rustix::termios::tcgetattr(io::stdin()).is_err()
    }
    #[cfg(not(unix))]
    {
        false
    }
}

/// Takes one event; the end, where it is one.
fn take(event: Event, text: &mut Zeroizing<String>) -> Option<Hidden> {
    match event {
        Event::Paste(mut paste) => {
            push(text, &paste);
            paste.zeroize();
            None
        }
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            match (key.code, key.modifiers.contains(KeyModifiers::CONTROL)) {
                (KeyCode::Char('c'), true) => return Some(Hidden::Ended(INTERRUPT)),
                (KeyCode::Char('u'), true) => text.zeroize(),
                (KeyCode::Char('d'), true) if text.is_empty() => return Some(Hidden::Nothing),
                (KeyCode::Enter, _) | (KeyCode::Char('d' | 'j' | 'm'), true) if !text.trim().is_empty() => {
                    return Some(Hidden::Text(Secret::new(text.as_str())));
                }
                (KeyCode::Backspace, _) => drop(text.pop()),
                (KeyCode::Char(c), false) => push(text, c.encode_utf8(&mut [0; 4])),
                _ => {}
            }
            None
        }
        _ => None,
    }
}

/// Adds what fits: text that grows would leave a copy behind.
fn push(text: &mut String, more: &str) {
    if text.len() + more.len() <= ROOM {
        text.push_str(more);
    }
}
