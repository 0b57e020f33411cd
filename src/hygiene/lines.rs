//! Several lines or words: the same key twice, one key that was wrapped, one key in a text, or a refusal.

use super::judge::is_key_char;
use super::{No, Telling, Work, no, other};

impl Work<'_> {
    /// Reduces the text to one word, or refuses.
    pub(super) fn lines(&mut self) -> Result<(), No> {
        if !self.text.contains(char::is_whitespace) {
            return Ok(());
        }
        if self.all_the_same() || self.joined() {
            return self.find_key();
        }
        self.extract()
    }

    /// The same line several times.
    fn all_the_same(&mut self) -> bool {
        let lines: Vec<&str> = self.text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let (Some(first), true) = (lines.first(), lines.len() > 1) else { return false };
        if first.contains(char::is_whitespace) || lines.iter().any(|line| line != first) {
            return false;
        }
        let (line, copies) = ((*first).to_owned(), lines.len() - 1);
        self.set(line);
        self.note("pasted-twice", "second copy of the key", copies);
        true
    }

    /// One key that a page, a mail or a terminal broke into pieces. Only a form of fixed length proves that nothing
    /// is missing and nothing is added.
    fn joined(&mut self) -> bool {
        let joined: String = self.text.split_whitespace().collect();
        if !joined.chars().all(is_key_char) || !self.is_exact(&joined) {
            return false;
        }
        let gaps = self.text.split_whitespace().count() - 1;
        let (id, what) = if self.text.contains('\n') {
            ("line-break-removed", "line break inside the key")
        } else {
            ("space-removed", "space inside the key")
        };
        self.set(joined);
        self.note(id, what, gaps);
        self.doubt(
            id,
            "The key was broken into pieces; without the gaps it has exactly the length of its format.",
        );
        true
    }

    fn extract(&mut self) -> Result<(), No> {
        let text = self.text.clone();
        let mut exact: Vec<&str> = candidates(&text).filter(|word| self.is_exact(word)).collect();
        exact.sort_unstable();
        exact.dedup();
        // `KEY=sk-…` is a run of key characters too; the shortest exact form is the key.
        match exact.as_slice() {
            [key] => {
                self.extracted(&text, key);
                Ok(())
            }
            [] => self.extract_open_ended(&text),
            _ => {
                no("two-keys", format!("there are {} different keys in it; paste one at a time", exact.len()))
            }
        }
    }

    fn extracted(&mut self, text: &str, key: &str) {
        let quoted = text
            .split(key)
            .any(|part| part.starts_with(['"', '\'', '`']) || part.ends_with(['"', '\'', '`']));
        self.set(key.to_owned());
        self.note("extracted-from-text", "other text around the key", 1);
        self.note("quotes-removed", "quote mark next to the key", usize::from(quoted));
        self.doubt("extracted-from-text", "One key is in the text; the rest was left out.");
    }

    /// A key whose format sets no length could go on in the next line: only taken where that cannot be.
    fn extract_open_ended(&mut self, text: &str) -> Result<(), No> {
        let names = |word: &&str| {
            super::shapes::all(self.shapes, word).iter().any(|shape| shape.telling == Telling::Names)
        };
        let open: Vec<&str> = candidates(text).filter(names).collect();
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if let [key] = open.as_slice() {
            let at = lines.iter().position(|line| line.contains(key));
            let next = at.and_then(|at| lines.get(at + 1));
            let goes_on = next.is_some_and(|next| next.chars().all(is_key_char));
            if !goes_on && at.is_some_and(|at| lines[at].ends_with(key) || !lines[at].ends_with(is_key_char))
            {
                self.extracted(text, key);
                return Ok(());
            }
        }
        self.refuse_pieces(text, &lines)
    }

    fn refuse_pieces(&self, text: &str, lines: &[&str]) -> Result<(), No> {
        let begins = |word: &str| super::shapes::prefix(self.shapes, word).is_some();
        let starts = candidates(text).filter(|word| begins(word)).count();
        let pure = lines.iter().all(|line| line.chars().all(is_key_char));
        if lines.len() > 1 && (starts > 0 || pure) {
            let message = "there is a line break inside and the pieces do not make a key of a known length; copy the \
                           key again without the break";
            return no("line-break-inside", message);
        }
        if starts > 0 {
            let message = "there is a space inside and the pieces do not make a key of a known length; copy the key \
                           again";
            return no("space-inside", message);
        }
        other::hidden(text)?;
        no("no-key-found", "this is a text, and no key of a known format is in it; paste the key alone")
    }
}

/// Words that could be a key: runs of key characters, and what follows an `=` or `:` in them, without punctuation.
fn candidates(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_key_char(c)).filter(|run| run.len() >= 16).flat_map(|run| {
        let starts = run.match_indices(['=', ':', '|', '/']).map(|(at, _)| at + 1);
        std::iter::once(0)
            .chain(starts)
            .filter_map(move |at| run.get(at..))
            .map(|word| word.trim_end_matches(['.', ':', '/', '|']))
            // Longer than any form of fixed length; keeps a large text cheap.
            .filter(|word| (16..=512).contains(&word.len()))
    })
}
