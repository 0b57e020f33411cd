//! From terminal events to messages: bursts that no fingers type become pastes, and what a paste drags along (an Enter
//! hidden in it, the letters behind a forged end marker) is dropped.
//!
//! Pure: times are handed in as milliseconds, so that the rules are tested without a clock.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::secret::Secret;

use super::message::Message;

/// From this many characters on, a burst is a paste.
const BURST: usize = 10;
/// Characters of a burst follow each other within this time.
pub const BURST_GAP_MS: u64 = 20;
/// Keys are ignored for this long after a paste.
const QUIET_MS: u64 = 300;

/// The state between events.
#[derive(Debug, Default)]
pub struct Intake {
    burst: Vec<KeyEvent>,
    quiet_until: u64,
}

impl Intake {
    /// Takes an event that came at `now`; returns the messages of it and of the events held back before it.
    pub fn take(&mut self, event: Event, now: u64) -> Vec<Message> {
        match event {
            Event::Key(key) if key.kind == KeyEventKind::Release => Vec::new(),
            Event::Key(_) if now < self.quiet_until => Vec::new(),
            Event::Key(key) if is_text(key) => {
                self.burst.push(key);
                Vec::new()
            }
            Event::Key(key) => {
                let mut out = self.flush(now);
                // The Enter at the end of a burst belongs to it.
                if now >= self.quiet_until {
                    out.push(Message::Key(key));
                }
                out
            }
            Event::Paste(text) => {
                let mut out = self.flush(now);
                self.quiet_until = now + QUIET_MS;
                out.push(Message::Paste(Secret::new(text)));
                out
            }
            Event::Mouse(mouse) => self.then(now, Message::Mouse(mouse)),
            Event::Resize(columns, rows) => self.then(now, Message::Resize(columns, rows)),
            Event::FocusGained | Event::FocusLost => Vec::new(),
        }
    }

    /// Whether characters are held back until it is known whether more follow at once.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        !self.burst.is_empty()
    }

    /// No further character followed: what was held back is a paste if it is long, else keys.
    pub fn flush(&mut self, now: u64) -> Vec<Message> {
        let burst = std::mem::take(&mut self.burst);
        // A key that is held down over a slow line comes as a burst, too.
        let moves = |key: &KeyEvent| key.code.as_char().is_some_and(|c| "hjklgGnN ".contains(c));
        if burst.len() <= BURST || burst.iter().all(moves) {
            return burst.into_iter().map(Message::Key).collect();
        }
        self.quiet_until = now + QUIET_MS;
        let mut text = String::with_capacity(burst.len() * 4);
        text.extend(burst.iter().filter_map(|key| key.code.as_char()));
        vec![Message::Paste(Secret::new(text))]
    }

    fn then(&mut self, now: u64, message: Message) -> Vec<Message> {
        let mut out = self.flush(now);
        out.push(message);
        out
    }
}

fn is_text(key: KeyEvent) -> bool {
    matches!(key.code, KeyCode::Char(_)) && key.modifiers.difference(KeyModifiers::SHIFT).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(code: KeyCode) -> Event {
        Event::Key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    fn kinds(messages: &[Message]) -> Vec<&'static str> {
        let kind = |message: &Message| match message {
            Message::Key(_) => "key",
            Message::Paste(_) => "paste",
            _ => "other",
        };
        messages.iter().map(kind).collect()
    }

    #[test]
    fn a_long_burst_is_a_paste_and_its_enter_is_dropped() {
        let mut intake = Intake::default();
        for c in "sk-FAKE-0123456789".chars() {
            assert!(intake.take(typed(KeyCode::Char(c)), 100).is_empty());
        }
        assert_eq!(kinds(&intake.take(typed(KeyCode::Enter), 101)), ["paste"]);
    }

    #[test]
    fn a_few_quick_keys_stay_keys() {
        let mut intake = Intake::default();
        intake.take(typed(KeyCode::Char('g')), 0);
        intake.take(typed(KeyCode::Char('G')), 1);
        assert!(intake.is_waiting());
        assert_eq!(kinds(&intake.flush(30)), ["key", "key"]);
    }

    #[test]
    fn keys_right_behind_a_paste_are_dropped() {
        let mut intake = Intake::default();
        assert_eq!(kinds(&intake.take(Event::Paste("sk-FAKE".into()), 1000)), ["paste"]);
        assert!(intake.take(typed(KeyCode::Enter), 1001).is_empty());
        assert!(intake.take(typed(KeyCode::Char('q')), 1299).is_empty());
        assert_eq!(kinds(&intake.take(typed(KeyCode::Enter), 1300)), ["key"]);
    }

    #[test]
    fn a_key_that_is_held_down_moves() {
        let mut intake = Intake::default();
        for _ in 0..40 {
            intake.take(typed(KeyCode::Char('j')), 0);
        }
        assert_eq!(kinds(&intake.flush(30)), ["key"; 40]);
    }

    #[test]
    fn the_pasted_text_is_whole() {
        let mut intake = Intake::default();
        for c in "abcdefghijklmno".chars() {
            intake.take(typed(KeyCode::Char(c)), 0);
        }
        let Some(Message::Paste(text)) = intake.flush(25).pop() else { panic!("no paste") };
        assert!(text.is("abcdefghijklmno"));
    }
}
