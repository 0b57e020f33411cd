//! How a run ends: [`Exit`], its number, and the one table of numbers that `--help`, the manual page and the README show.

/// How a command ended, as the exit code tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything is fine.
    Fine,
    /// It ran and found problems.
    Problems,
    /// The person answered a question with no.
    Declined,
    /// It could not run.
    Failed,
    /// A signal ended it, or the terminal is gone (`SIGHUP`).
    Signal(i32),
}

/// The signal that a closed terminal window sends.
pub const HANGUP: i32 = 1;
/// The signal of Ctrl-C.
pub const INTERRUPT: i32 = 2;

/// Each number and what it means, the whole of it.
pub const CODES: [(&str, &str); 4] = [
    ("0", "fine"),
    ("1", "problems found, a key was rejected, or a question was answered with no"),
    ("2", "could not run: a wrong argument, an unknown name, or nobody could be asked"),
    ("128+n", "ended by signal n: 129 window closed, 130 Ctrl-C, 143 terminated"),
];

impl Exit {
    /// The number that the caller gets.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Problems | Self::Declined => 1,
            Self::Failed => 2,
            // What shells report for a program that a signal ended.
            Self::Signal(signal) => u8::try_from(128 + signal).unwrap_or(255),
        }
    }
}

/// The table as lines of a help text.
#[must_use]
pub fn lines() -> String {
    CODES.iter().map(|(code, meaning)| format!("  {code:<7}{meaning}\n")).collect()
}

/// The table as the README shows it.
#[must_use]
pub fn markdown() -> String {
    let rows = CODES.iter().map(|(code, meaning)| format!("| {code} | {meaning} |\n"));
    rows.fold("| exit code | meaning |\n| --- | --- |\n".to_owned(), |table, row| table + &row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_in_the_table() {
        for (exit, row) in [(Exit::Fine, 0), (Exit::Problems, 1), (Exit::Declined, 1), (Exit::Failed, 2)] {
            assert_eq!(CODES[row].0, exit.code().to_string(), "{exit:?}");
        }
        for signal in [HANGUP, INTERRUPT, 15] {
            let code = Exit::Signal(signal).code();
            assert_eq!(i32::from(code), 128 + signal);
            assert!(CODES[3].1.contains(&code.to_string()), "{code}");
        }
    }
}
