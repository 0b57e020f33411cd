//! [`Core`]: what all screens share.

use std::sync::Arc;

use ratatui::layout::Rect;

use crate::provider::Catalogue;

use super::known::{Known, Ticket};
use super::message::{Effect, Job};
use super::theme::{Role, Theme};

/// A line for the person, until the next key press.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The words.
    pub text: String,
    /// How they are drawn.
    pub role: Role,
}

/// What all screens share.
#[derive(Debug)]
pub struct Core {
    /// What is known about the machine.
    pub known: Known,
    /// The terminal's columns and rows.
    pub size: (u16, u16),
    /// The styles.
    pub theme: Theme,
    /// How the wizard was started.
    pub options: Options,
    /// The number of the frame that spinners show.
    pub tick: usize,
    /// The line for the person.
    pub notice: Option<Notice>,
    /// A paste began and has not ended.
    pub paste_open: bool,
    /// The scan that is waited for.
    pub scanning: Option<Ticket>,
    /// A plan, a write or a look into the journal that is waited for.
    pub working: Option<Ticket>,
    /// The first scan was looked at.
    pub greeted: bool,
    tickets: u64,
}

impl Core {
    /// Nothing known, nothing asked.
    #[must_use]
    pub fn new(catalogue: Arc<Catalogue>, size: (u16, u16), options: Options) -> Self {
        Self {
            known: Known::new(catalogue),
            size,
            theme: Theme { colour: options.colour, ascii: options.ascii },
            options,
            tick: 0,
            notice: None,
            paste_open: false,
            scanning: None,
            working: None,
            greeted: false,
            tickets: 0,
        }
    }

    /// The next ticket.
    pub fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    /// Says something until the next key press.
    pub fn say(&mut self, text: impl Into<String>, role: Role) {
        self.notice = Some(Notice { text: text.into(), role });
    }

    /// Asks for a new scan.
    pub fn scan(&mut self) -> Vec<Effect> {
        let ticket = self.ticket();
        self.scanning = Some(ticket);
        vec![Effect::Scan(ticket)]
    }

    /// Asks for tests, and remembers that they run.
    pub fn probe(&mut self, jobs: Vec<Job>) -> Vec<Effect> {
        if self.options.offline {
            self.say("keymend runs with --offline: no test is sent", Role::Warn);
            return Vec::new();
        }
        if jobs.is_empty() {
            return Vec::new();
        }
        let ticket = self.ticket();
        for job in &jobs {
            self.known.asked(job.tested.clone(), ticket);
        }
        vec![Effect::Probe(ticket, jobs)]
    }

    /// The whole terminal.
    #[must_use]
    pub const fn area(&self) -> Rect {
        Rect { x: 0, y: 0, width: self.size.0, height: self.size.1 }
    }

    /// Whether something moves, so that the loop has to send ticks.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.scanning.is_some() || self.working.is_some() || self.known.running() > 0
    }
}

/// How the wizard is started.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent choices, each a yes or no")]
pub struct Options {
    /// Colours are wanted.
    pub colour: bool,
    /// The terminal shows ASCII alone.
    pub ascii: bool,
    /// Spinners turn.
    pub motion: bool,
    /// Nothing goes over the network.
    pub offline: bool,
}
