//! The one table of keys. The handler, the footer and the help screen are all read from [`TABLE`].

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What a key press means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the table below says what each one does")]
pub enum Action {
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    First,
    Last,
    NextPane,
    Enter,
    Back,
    Filter,
    Help,
    Quit,
    Suspend,
    Redraw,
    New,
    Test,
    TestAll,
    Use,
    /// The ways out.
    Fix,
    Compare,
    Explain,
    ByKey,
    ByNeed,
    /// The key that others are compared with.
    Base,
    /// Every command, by its words.
    Palette,
    /// Leave out what is the same.
    Hide,
    ByAgent,
    /// A new key wherever the chosen one is.
    Everywhere,
    /// The next connection that fails.
    NextBroken,
    LastBroken,
    Setup,
    Undo,
    History,
    Rescan,
    Clipboard,
    Tick,
    TickAll,
    Insist,
    Copy,
    Erase,
    Clear,
    Cancel,
    Write,
    Restart,
    Others,
    Redo,
    OnlyValues,
    WholeFile,
}

/// Where a key press lands: a screen, or a state of one that reads keys differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// The slots and their candidates.
    Home,
    /// Typing into the filter of the slots.
    Filter,
    /// The ways out of what is wrong with one slot.
    Fix,
    /// The full chain of one slot.
    Explain,
    /// Candidates side by side.
    Compare,
    /// Whose a pasted key is.
    Whose,
    /// Every key and where it is.
    Keys,
    /// All tests at once.
    TestAll,
    /// What was written, newest first.
    History,
    /// The guided set-up's lists.
    Setup,
    /// Waiting for a key, nothing entered yet.
    Paste,
    /// Something was typed.
    Typing,
    /// What the paste became.
    Clean,
    /// The live test of the new key.
    Test,
    /// Where to write.
    Destination,
    /// The masked difference.
    Review,
    /// Written.
    Done,
    /// What an undo would change.
    Undo,
    /// A question with a yes.
    Confirm,
    /// The keys.
    Help,
    /// Every command, by its words.
    Palette,
}

impl Context {
    /// The heading on the help screen.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Home => "Slots",
            Self::Filter => "Filter",
            Self::Fix => "Fix",
            Self::Explain => "Explain",
            Self::Compare => "Compare",
            Self::Whose => "A pasted key",
            Self::Keys => "Keys and where they are",
            Self::TestAll => "Test all",
            Self::History => "History",
            Self::Setup => "First set-up",
            Self::Paste => "New key: paste",
            Self::Typing => "New key: typing",
            Self::Clean => "New key: clean",
            Self::Test => "New key: test",
            Self::Destination => "New key: destination",
            Self::Review => "Review",
            Self::Done => "Done",
            Self::Undo => "Undo",
            Self::Confirm => "Question",
            Self::Help => "Help",
            Self::Palette => "Commands",
        }
    }

    /// Whether a paste is a key for whichever connection it fits: a list that waits for no text of its own.
    #[must_use]
    pub const fn is_list(self) -> bool {
        matches!(
            self,
            Self::Home
                | Self::Fix
                | Self::Explain
                | Self::Compare
                | Self::Whose
                | Self::TestAll
                | Self::History
        )
    }

    /// Whether plain characters are text here and not commands.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Filter | Self::Paste | Self::Typing | Self::Palette)
    }
}

/// One key press.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chord {
    /// A character, shifted or not.
    Char(char),
    /// Control and a character.
    Ctrl(char),
    /// Any other key.
    Key(KeyCode),
}

impl Chord {
    /// Whether a key event is this chord.
    #[must_use]
    pub fn matches(self, event: KeyEvent) -> bool {
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        let other = event.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SUPER);
        match (self, event.code) {
            (Self::Char(want), KeyCode::Char(got)) => want == got && !control && !other,
            (Self::Ctrl(want), KeyCode::Char(got)) => want == got.to_ascii_lowercase() && control && !other,
            (Self::Key(want), got) => want == got,
            _ => false,
        }
    }

    /// The chord as the footer writes it.
    #[must_use]
    pub fn show(self) -> String {
        match self {
            Self::Char(' ') => "Space".to_owned(),
            Self::Char(c) => c.to_string(),
            Self::Ctrl(c) => format!("Ctrl-{}", c.to_ascii_uppercase()),
            Self::Key(KeyCode::Up) => "↑".to_owned(),
            Self::Key(KeyCode::Down) => "↓".to_owned(),
            Self::Key(KeyCode::Left) => "←".to_owned(),
            Self::Key(KeyCode::Right) => "→".to_owned(),
            Self::Key(KeyCode::PageUp) => "PgUp".to_owned(),
            Self::Key(KeyCode::PageDown) => "PgDn".to_owned(),
            Self::Key(KeyCode::BackTab) => "Shift-Tab".to_owned(),
            Self::Key(code) => code.to_string(),
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Where it holds.
    pub contexts: &'static [Context],
    /// The keys, the one that is shown first.
    pub chords: &'static [Chord],
    /// What it does.
    pub action: Action,
    /// The footer's word; none keeps it out of the footer.
    pub label: Option<&'static str>,
    /// The help screen's sentence.
    pub help: &'static str,
}

use Action as A;
use Chord::{Char, Ctrl, Key};
use Context as C;

const fn row(
    contexts: &'static [Context],
    chords: &'static [Chord],
    action: Action,
    label: &'static str,
    help: &'static str,
) -> Binding {
    Binding { contexts, chords, action, label: Some(label), help }
}

const fn quiet(
    contexts: &'static [Context],
    chords: &'static [Chord],
    action: Action,
    help: &'static str,
) -> Binding {
    Binding { contexts, chords, action, label: None, help }
}

/// At home it is behind what is needed more often.
const fn other_addresses(contexts: &'static [Context]) -> Binding {
    row(
        contexts,
        &[Char('o')],
        A::Others,
        "other addresses",
        "test at the addresses that were left out, after a yes",
    )
}

/// For a key that nobody here uses it comes first, at home later.
const fn set_up(contexts: &'static [Context]) -> Binding {
    row(contexts, &[Char('s')], A::Setup, "set-up", "guided first set-up of agents and providers")
}

const EVERYWHERE: &[Context] = &[
    C::Home,
    C::Filter,
    C::Fix,
    C::Explain,
    C::Compare,
    C::Whose,
    C::Keys,
    C::TestAll,
    C::History,
    C::Setup,
    C::Paste,
    C::Typing,
    C::Clean,
    C::Test,
    C::Destination,
    C::Review,
    C::Done,
    C::Undo,
    C::Confirm,
    C::Help,
    C::Palette,
];
const COMMANDS: &[Context] = &[
    C::Home,
    C::Fix,
    C::Explain,
    C::Compare,
    C::Whose,
    C::Keys,
    C::TestAll,
    C::History,
    C::Setup,
    C::Clean,
    C::Test,
    C::Destination,
    C::Review,
    C::Done,
    C::Undo,
    C::Confirm,
    C::Help,
];
const AWAY: &[Context] = &[
    C::Fix,
    C::Explain,
    C::Compare,
    C::Whose,
    C::Keys,
    C::TestAll,
    C::History,
    C::Setup,
    C::Clean,
    C::Test,
    C::Destination,
    C::Review,
    C::Done,
    C::Undo,
    C::Confirm,
    C::Help,
];
const SCROLLS: &[Context] = &[
    C::Fix,
    C::Explain,
    C::Compare,
    C::Whose,
    C::Keys,
    C::TestAll,
    C::History,
    C::Setup,
    C::Destination,
    C::Review,
    C::Done,
    C::Undo,
    C::Help,
];
const LISTS: &[Context] = &[
    C::Home,
    C::Fix,
    C::Explain,
    C::Compare,
    C::Whose,
    C::Keys,
    C::TestAll,
    C::History,
    C::Setup,
    C::Destination,
    C::Review,
    C::Done,
    C::Undo,
    C::Help,
];
const WIZARD: &[Context] = &[C::Paste, C::Typing, C::Clean, C::Test, C::Destination, C::Review];

/// Every key that keymend knows. The first row that fits a press wins; the order is the footer's.
pub const TABLE: &[Binding] = &[
    // What moves a wizard on comes first, so that the next key to press is always the first word of the footer.
    row(
        &[C::Paste],
        &[Char('p'), Ctrl('v')],
        A::Clipboard,
        "from clipboard",
        "read the key from the clipboard",
    ),
    quiet(&[C::Typing], &[Ctrl('v')], A::Clipboard, "read the key from the clipboard instead"),
    row(&[C::Typing], &[Key(KeyCode::Enter)], A::Enter, "done typing", "clean and check what was entered"),
    row(&[C::Typing], &[Ctrl('u')], A::Clear, "start again", "forget what was typed"),
    quiet(
        &[C::Typing, C::Filter, C::Palette],
        &[Key(KeyCode::Backspace)],
        A::Erase,
        "take back the last character",
    ),
    quiet(&[C::Paste], &[Key(KeyCode::Enter)], A::Enter, "clean and check what was entered"),
    row(&[C::Filter], &[Key(KeyCode::Enter)], A::Enter, "keep", "keep the filter and go back to the list"),
    row(&[C::Palette], &[Key(KeyCode::Enter)], A::Enter, "do it", "do the chosen command"),
    row(&[C::Clean], &[Key(KeyCode::Enter)], A::Enter, "go on", "test this key"),
    row(&[C::Test], &[Key(KeyCode::Enter)], A::Enter, "go on", "choose where to write the key"),
    row(&[C::Destination], &[Key(KeyCode::Enter)], A::Enter, "review", "show what would change"),
    row(&[C::Review], &[Char('w')], A::Write, "write", "write these changes"),
    row(&[C::Done], &[Key(KeyCode::Enter)], A::Enter, "close", "back to the slots"),
    row(&[C::Confirm], &[Key(KeyCode::Enter)], A::Enter, "at the provider", "test at the provider itself"),
    row(&[C::Confirm, C::Undo], &[Char('y')], A::Insist, "yes", "do it"),
    row(
        &[C::Review],
        &[Char('y')],
        A::Insist,
        "write it all the same",
        "write it, although an only copy goes",
    ),
    row(
        &[C::Undo],
        &[Char('v')],
        A::OnlyValues,
        "only our values",
        "put back only what keymend changed, and keep what another program wrote since",
    ),
    row(
        &[C::Undo],
        &[Char('w')],
        A::WholeFile,
        "whole file",
        "put the whole old content back, over what another program wrote since",
    ),
    row(
        &[C::Clean, C::Test],
        &[Char('i')],
        A::Insist,
        "go on all the same",
        "use this key against the advice",
    ),
    row(&[C::Test], &[Char('t'), Char('r')], A::Test, "test again", "ask the provider once more"),
    other_addresses(&[C::Test]),
    row(&[C::Test, C::TestAll], &[Char('x')], A::Cancel, "cancel", "stop waiting for the provider"),
    row(&[C::Setup], &[Key(KeyCode::Enter)], A::Enter, "go on", "go on with what is ticked"),
    row(&[C::Setup, C::Keys], &[Char(' ')], A::Tick, "tick", "tick or untick this row"),
    row(&[C::Keys], &[Char('a')], A::TickAll, "all", "tick or untick every place"),
    row(&[C::Paste], &[Ctrl('o')], A::Copy, "copy address", "copy the address where keys are made"),
    row(&[C::Done], &[Char('c')], A::Copy, "copy command", "copy the command that restarts the agent"),
    row(&[C::Done], &[Char('r')], A::Restart, "restart it", "restart what still holds the old key"),
    row(&[C::Fix], &[Key(KeyCode::Enter)], A::Enter, "do it", "review and do the chosen way out"),
    row(&[C::Fix], &[Char('y'), Char('c')], A::Copy, "copy", "copy the command or the address"),
    // The home screen's verbs, and the same verbs where they make sense elsewhere.
    row(&[C::Home], &[Key(KeyCode::Enter)], A::Enter, "fix", "do what the line with Enter says"),
    quiet(&[C::Home], &[Char('1')], A::ByNeed, "what needs attention first"),
    quiet(&[C::Home], &[Char('2')], A::ByAgent, "agent by agent, with what is not set up"),
    row(
        &[C::Home],
        &[Char('f')],
        A::Fix,
        "ways out",
        "what is wrong here, and every way out, the best first",
    ),
    quiet(&[C::Fix], &[Char('f')], A::Fix, "back"),
    row(&[C::Whose], &[Key(KeyCode::Enter)], A::Enter, "this one", "test the key for the chosen line"),
    set_up(&[C::Whose]),
    row(
        &[C::Home],
        &[Char('p')],
        A::New,
        "new key",
        "enter a new key for this connection; a paste does the same at once",
    ),
    row(
        &[C::Home, C::Explain, C::Review],
        &[Char('R')],
        A::Everywhere,
        "replace everywhere",
        "one new key for every place of the key that is sent here",
    ),
    row(
        &[C::Explain, C::Compare, C::Done],
        &[Char('n'), Char('p')],
        A::New,
        "new key",
        "enter a new key for this slot",
    ),
    row(&[C::Keys], &[Char('n'), Char('p')], A::New, "replace", "enter a new key for every ticked place"),
    row(
        &[C::Home, C::Explain, C::Compare, C::Keys],
        &[Char('t')],
        A::Test,
        "test",
        "test the chosen key at its provider",
    ),
    row(
        &[C::Home, C::Keys],
        &[Char('T')],
        A::TestAll,
        "test all",
        "test every key that is sent, side by side",
    ),
    row(&[C::TestAll], &[Char('T')], A::TestAll, "again", "test every key again"),
    row(&[C::Home, C::Compare], &[Char('u')], A::Use, "use", "make the chosen candidate the active one"),
    other_addresses(&[C::Home]),
    row(&[C::Home, C::Explain], &[Char('c')], A::Compare, "compare", "put the candidates side by side"),
    row(
        &[C::Home, C::Compare, C::Fix],
        &[Char('e')],
        A::Explain,
        "explain",
        "show the whole chain, with every reason",
    ),
    row(&[C::Home], &[Char('K'), Char('3')], A::ByKey, "by key", "every key and all its places"),
    set_up(&[C::Home]),
    quiet(&[C::Home], &[Char('n')], A::NextBroken, "to the next connection that fails"),
    quiet(&[C::Home], &[Char('N')], A::LastBroken, "to the one before that fails"),
    row(&[C::Home, C::Done, C::History], &[Char('z')], A::Undo, "undo", "take back a write, byte for byte"),
    row(
        &[C::History],
        &[Char('b')],
        A::Redo,
        "bring back",
        "write the new key again where another program took it away",
    ),
    row(&[C::Home], &[Char('H')], A::History, "history", "what keymend wrote, newest first"),
    row(&[C::Home], &[Char('/')], A::Filter, "filter", "show only slots that contain a word"),
    row(&[C::Home], &[Char('r'), Key(KeyCode::F(5))], A::Rescan, "rescan", "read everything again"),
    // Moving.
    row(
        &[C::Compare],
        &[Key(KeyCode::Enter)],
        A::Enter,
        "go there",
        "back to the slots, with this connection chosen",
    ),
    row(&[C::Compare], &[Char('m')], A::Base, "base", "compare the others with this key"),
    row(&[C::Compare], &[Char('x')], A::Hide, "hide same", "leave out the rows with the base's key"),
    quiet(&[C::Compare], &[Key(KeyCode::Left), Char('h')], A::Left, "one row up"),
    quiet(&[C::Compare], &[Key(KeyCode::Right), Char('l')], A::Right, "one row down"),
    row(
        &[C::Compare],
        &[Key(KeyCode::Tab)],
        A::NextPane,
        "scope",
        "this connection, this provider, everything",
    ),
    quiet(&[C::Home, C::Keys], &[Key(KeyCode::Left), Char('h')], A::Left, "to the left pane"),
    quiet(&[C::Home, C::Keys], &[Key(KeyCode::Right), Char('l')], A::Right, "to the right pane"),
    quiet(&[C::Keys], &[Key(KeyCode::Enter)], A::Right, "to the right pane"),
    quiet(&[C::Home, C::Keys], &[Key(KeyCode::Tab), Key(KeyCode::BackTab)], A::NextPane, "to the other pane"),
    quiet(&[C::Filter, C::Palette], &[Key(KeyCode::Up)], A::Up, "one row up"),
    quiet(&[C::Home], &[Key(KeyCode::Up), Char('k')], A::Up, "one row up"),
    quiet(&[C::Filter, C::Palette], &[Key(KeyCode::Down)], A::Down, "one row down"),
    quiet(&[C::Home], &[Key(KeyCode::Down), Char('j')], A::Down, "one row down"),
    quiet(SCROLLS, &[Key(KeyCode::Up), Char('k')], A::Up, "one row up"),
    quiet(SCROLLS, &[Key(KeyCode::Down), Char('j')], A::Down, "one row down"),
    quiet(LISTS, &[Key(KeyCode::PageUp), Ctrl('b'), Ctrl('u')], A::PageUp, "one page up"),
    quiet(LISTS, &[Key(KeyCode::PageDown), Ctrl('f'), Ctrl('d')], A::PageDown, "one page down"),
    quiet(LISTS, &[Key(KeyCode::Home), Char('g')], A::First, "to the first row"),
    quiet(LISTS, &[Key(KeyCode::End), Char('G')], A::Last, "to the last row"),
    // Leaving.
    row(WIZARD, &[Key(KeyCode::Esc)], A::Back, "back", "one step back; nothing has been written"),
    row(&[C::Confirm, C::Undo], &[Key(KeyCode::Esc), Char('n')], A::Back, "no", "leave everything as it is"),
    row(
        &[
            C::Fix,
            C::Explain,
            C::Compare,
            C::Whose,
            C::Keys,
            C::TestAll,
            C::History,
            C::Setup,
            C::Filter,
            C::Help,
        ],
        &[Key(KeyCode::Esc), Key(KeyCode::Backspace)],
        A::Back,
        "back",
        "to where you were",
    ),
    row(&[C::Palette], &[Key(KeyCode::Esc)], A::Back, "back", "to where you were"),
    quiet(&[C::Home], &[Key(KeyCode::Esc)], A::Back, "clear the filter"),
    quiet(&[C::Done], &[Key(KeyCode::Esc)], A::Back, "back to the slots"),
    row(&[C::Home], &[Char('y')], A::Copy, "copy", "copy what this connection sends, masked, and from where"),
    row(COMMANDS, &[Char(':')], A::Palette, "commands", "every command of this screen, found by its words"),
    row(COMMANDS, &[Char('?'), Key(KeyCode::F(1))], A::Help, "help", "every key of this screen"),
    row(&[C::Paste], &[Char('?'), Key(KeyCode::F(1))], A::Help, "help", "every key of this screen"),
    quiet(&[C::Typing, C::Filter, C::Palette], &[Key(KeyCode::F(1))], A::Help, "every key of this screen"),
    row(&[C::Home], &[Char('q')], A::Quit, "quit", "leave keymend"),
    quiet(AWAY, &[Char('q')], A::Quit, "leave keymend"),
    quiet(EVERYWHERE, &[Ctrl('c')], A::Quit, "leave keymend at once; nothing is written"),
    quiet(EVERYWHERE, &[Ctrl('z')], A::Suspend, "pause keymend and return to the shell"),
    quiet(EVERYWHERE, &[Ctrl('l')], A::Redraw, "draw the screen again"),
];

/// What a press means in `context`.
#[must_use]
pub fn lookup(context: Context, event: KeyEvent) -> Option<Action> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let fits = |binding: &&Binding| {
        binding.contexts.contains(&context) && binding.chords.iter().any(|chord| chord.matches(event))
    };
    TABLE.iter().find(fits).map(|binding| binding.action)
}

/// The rows that hold in `context`.
pub fn rows(context: Context) -> impl Iterator<Item = &'static Binding> {
    TABLE.iter().filter(move |binding| binding.contexts.contains(&context))
}

/// The chord that the footer shows for `action` in `context`.
#[must_use]
pub fn shown(context: Context, action: Action) -> Option<String> {
    rows(context).find(|binding| binding.action == action)?.chords.first().map(|chord| chord.show())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(c: char) -> KeyEvent {
        KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)
    }

    #[test]
    fn k_moves_up_on_every_list() {
        for context in [Context::Home, Context::Explain, Context::Compare, Context::Keys, Context::Whose] {
            assert_eq!(lookup(context, press('k')), Some(Action::Up), "{context:?}");
        }
        assert_eq!(lookup(Context::Home, press('K')), Some(Action::ByKey));
    }

    #[test]
    fn letters_are_text_while_typing() {
        for c in ['q', 'n', 'p', 'k', '?', 'w', 'y'] {
            assert_eq!(lookup(Context::Typing, press(c)), None, "{c}");
        }
        assert_eq!(lookup(Context::Filter, press('q')), None);
    }

    #[test]
    fn a_release_is_not_a_press() {
        let release = KeyEvent { kind: KeyEventKind::Release, ..press('q') };
        assert_eq!(lookup(Context::Home, release), None);
    }

    #[test]
    fn no_key_has_two_meanings_within_a_context_that_the_help_would_both_list() {
        for &context in EVERYWHERE {
            let shown: Vec<Chord> = rows(context).filter_map(|row| row.chords.first().copied()).collect();
            for (at, chord) in shown.iter().enumerate() {
                assert!(!shown[..at].contains(chord), "{context:?} lists {} twice", chord.show());
            }
        }
    }

    #[test]
    fn every_context_can_be_left_and_paused() {
        for &context in EVERYWHERE {
            let actions: Vec<Action> = rows(context).map(|row| row.action).collect();
            assert!(actions.contains(&Action::Quit) && actions.contains(&Action::Suspend), "{context:?}");
            assert!(context == Context::Done || actions.contains(&Action::Back), "{context:?}");
        }
    }
}
