//! How much text references may bring into a file's values: the one limit that every reader of files keeps.
//!
//! Twenty lines of `V2=${V1}${V1}${V1}` mean gigabytes to the program that reads them. No server takes a header of
//! 64 KiB, so that such a value is never a working key, and what it is does not matter. A reader builds each value with
//! a [`Filling`]; the [`Room`] behind it is that of the whole file. A value that does not fit becomes [`MARK`], which every
//! value made of it carries on, and [`Agent::scan`](crate::agents::Agent::scan) says "too long to be sent" in every slot
//! whose answer depends on one.
//!
//! A value that a file spells out itself may be longer, up to [`MAX_SPELLED`]. A longer one is not copied: a file of one line
//! of 30 MB would be in memory once for every view of it.

use std::cell::Cell;

/// The longest value with a reference in it, in bytes.
pub const MAX_VALUE: usize = 64 * 1024;
/// The longest value that a file spells out, in bytes.
pub const MAX_SPELLED: usize = 1024 * 1024;
/// How many bytes the references of one file may bring in together.
pub const MAX_FILE: usize = 1024 * 1024;
/// How many bytes of one file may be looked at once more because of its references. Four times the largest file that is
/// read: a file that needs more is made to cost time.
const MAX_STEPS: usize = 128 * 1024 * 1024;
/// How deep defaults may hold their own references (`${A:-${B:-c}}`).
pub(crate) const MAX_DEPTH: usize = 32;

/// What a value becomes that is too long: small letters and digits alone, so that no trimming and no filter of an agent
/// changes it.
pub(crate) const MARK: &str = "keymend0holds0no0value0here0because0it0is0too0long0to0be0sent";

/// What is said at the place of such a value.
pub const TOO_LONG: &str =
    "too long to be sent (over 1 MiB, over 64 KiB with its references, or the file over 1 MiB with them)";

/// Whether a reader gave this value up as too long, or it holds one that was.
#[must_use]
pub fn is_too_long(text: &str) -> bool {
    text.contains(MARK)
}

/// A value that a file spells out, or the mark of one that is too long.
#[must_use]
pub const fn spelled(text: &str) -> &str {
    if text.len() > MAX_SPELLED { MARK } else { text }
}

/// What is left for the references of one file.
#[derive(Clone, Debug)]
pub struct Room {
    bytes: Cell<usize>,
    steps: Cell<usize>,
}

impl Default for Room {
    fn default() -> Self {
        Self { bytes: Cell::new(MAX_FILE), steps: Cell::new(MAX_STEPS) }
    }
}

impl Room {
    /// Begins a value.
    #[must_use]
    pub const fn filling(&self) -> Filling<'_> {
        Filling { room: self, text: String::new(), brought: 0, refers: false, over: false }
    }

    /// Notes that `bytes` of text are looked at once more, for the end of a reference or the value of one; false when
    /// that is enough for this file.
    pub fn spend(&self, bytes: usize) -> bool {
        let left = self.steps.get().saturating_sub(bytes);
        self.steps.set(left);
        left > 0
    }

    /// How many bytes were noted so far.
    #[must_use]
    pub fn spent(&self) -> usize {
        MAX_STEPS - self.steps.get()
    }
}

/// A value that is being built.
#[derive(Debug)]
pub struct Filling<'r> {
    room: &'r Room,
    text: String,
    brought: usize,
    refers: bool,
    over: bool,
}

impl Filling<'_> {
    /// Adds text that the file spells out.
    pub fn own(&mut self, text: &str) {
        if self.fits(text.len()) {
            self.text.push_str(text);
        }
    }

    /// Adds one character that the file spells out.
    pub fn own_char(&mut self, c: char) {
        if self.fits(c.len_utf8()) {
            self.text.push(c);
        }
    }

    /// Adds what a reference means.
    pub fn refer(&mut self, text: &str) {
        self.refers = true;
        let brought = self.brought.saturating_add(text.len());
        if text == MARK || brought > self.room.bytes.get() {
            self.give_up();
        } else if self.fits(text.len()) {
            self.text.push_str(text);
            self.brought = brought;
        }
    }

    /// Whether `more` bytes fit; gives the value up where they do not.
    fn fits(&mut self, more: usize) -> bool {
        let limit = if self.refers { MAX_VALUE } else { MAX_SPELLED };
        if self.text.len().saturating_add(more) > limit {
            self.give_up();
        }
        !self.over
    }

    /// The value is too long, or too deep, to be followed.
    pub fn give_up(&mut self) {
        self.over = true;
        self.text = String::new();
    }

    /// Notes that `bytes` were looked at for the end of a reference; false when that is enough for this file.
    pub fn looked_at(&mut self, bytes: usize) -> bool {
        let goes_on = self.room.spend(bytes);
        if !goes_on {
            self.give_up();
        }
        goes_on
    }

    /// Whether the value has been given up.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// The value.
    #[must_use]
    pub fn done(self) -> String {
        if self.over {
            return MARK.to_owned();
        }
        self.room.bytes.set(self.room.bytes.get() - self.brought);
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_cut_off_by_its_own_limit_and_by_the_files() {
        let room = Room::default();
        let part = "x".repeat(MAX_VALUE);
        let mut value = room.filling();
        value.refer(&part);
        assert_eq!(value.done().len(), MAX_VALUE);
        let mut value = room.filling();
        value.refer(&part);
        value.own("y");
        assert_eq!(value.done(), MARK);
        for _ in 1..MAX_FILE / MAX_VALUE {
            let mut value = room.filling();
            value.refer(&part);
            assert!(!is_too_long(&value.done()));
        }
        let mut value = room.filling();
        value.refer("y");
        assert_eq!(value.done(), MARK, "the file's room is used up");
        let mut value = room.filling();
        value.own(&part);
        value.own(&part);
        assert_eq!(value.done().len(), 2 * MAX_VALUE, "what the file spells out may be longer");
        let mut value = room.filling();
        value.own(&"x".repeat(MAX_SPELLED));
        value.own("y");
        assert_eq!(value.done(), MARK);
    }

    #[test]
    fn a_value_made_of_one_that_is_too_long_is_too_long() {
        let room = Room::default();
        let mut value = room.filling();
        value.own("a");
        value.refer(MARK);
        value.own("b");
        assert!(is_too_long(&value.done()));
    }
}
