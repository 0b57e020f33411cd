//! The command line: clap definitions and nothing else.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub mod guide;
pub mod manual;

/// Shows which API key each of your AI tools will really send, tests it at the provider, and replaces it safely.
#[derive(Debug, Parser)]
#[command(name = "keymend", version, about, max_term_width = 100)]
#[command(after_help = after_help())]
pub struct Cli {
    /// Look at this home folder instead of your own; variables and keyring of a shell with another HOME are left out
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Never use the network
    #[arg(long, global = true)]
    pub offline: bool,
    /// The wizard as questions and answers, line by line: for screen readers and simple terminals
    #[arg(long, visible_alias = "screen-reader")]
    pub plain: bool,
    /// What to do; the wizard without one
    #[command(subcommand)]
    pub command: Option<Command>,
}

fn after_help() -> String {
    format!("{}\n\nExit codes:\n{}", guide::help(""), crate::exit::lines())
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Open the wizard on a sample home with a built-in provider: no real key, no network
    #[command(after_help = guide::help("demo"))]
    Demo(Demo),
    /// Say what each slot sends and why, without the network
    #[command(after_help = guide::help("status"))]
    Status(Status),
    /// Show the whole precedence chain of one slot
    #[command(after_help = guide::help("explain"))]
    Explain(Explain),
    /// Look for problems: what each slot sends, faults visible offline, and a live test of each key
    #[command(after_help = guide::help("check"))]
    Check(Check),
    /// Say whose error a text is, what it means, which slot it fits, and what to do; the text is an argument or standard input
    #[command(after_help = guide::help("why"))]
    Why(Why),
    /// Mend what is wrong, worst first: shows the best way out, asks, tests, writes, proves it, and goes on
    #[command(after_help = guide::help("fix"))]
    Fix(Fix),
    /// Test a key at its provider
    #[command(after_help = guide::help("test"))]
    Test(Test),
    /// Print this machine for a bug tracker: versions, what is sent and why, findings; no key and no name in it
    #[command(after_help = guide::help("report"))]
    Report(Report),
    /// List the hosts that keys may go to by your own yes, or take a yes back
    #[command(after_help = guide::help("consents"))]
    Consents(Consents),
    /// Put a new key where the agent will send it from
    #[command(after_help = guide::help("set"))]
    Set(Set),
    /// Replace a key everywhere it is stored, in one go
    #[command(after_help = guide::help("rotate"))]
    Rotate(Rotate),
    /// Make another candidate or profile the active one
    #[command(after_help = guide::help("use"))]
    Use(Use),
    /// Take a credential away: the line, the field, or the whole profile
    #[command(after_help = guide::help("remove"))]
    Remove(Remove),
    /// Say what a paste becomes: the masked key and what was removed, or why it is refused
    #[command(after_help = guide::help("clean"))]
    Clean(Clean),
    /// Run your own agent against a loopback server and compare what it sends with the prediction
    #[command(after_help = guide::help("prove"))]
    Prove(Prove),
    /// Keys that keymend keeps for you in the OS keyring
    #[command(after_help = guide::help("vault"))]
    Vault {
        /// What to do
        #[command(subcommand)]
        action: Vault,
    },
    /// List what keymend has written
    #[command(after_help = guide::help("history"))]
    History(History),
    /// Take a write back, byte for byte
    #[command(after_help = guide::help("undo"))]
    Undo(Undo),
    /// Bring a written key back where another program took it away since
    #[command(after_help = guide::help("redo"))]
    Redo(Redo),
    /// List the providers that keymend knows
    #[command(after_help = guide::help("providers"))]
    Providers(List),
    /// List the agents that keymend knows
    #[command(after_help = guide::help("agents"))]
    Agents(List),
    /// Print a completion script for your shell
    #[command(after_help = guide::help("completions"))]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print a manual page; keymend's own without a command
    #[command(after_help = guide::help("man"))]
    Man(Manual),
}

impl Command {
    /// Whether it makes files, temporary ones included: what a killed run left of those is removed before.
    #[must_use]
    pub const fn makes_files(&self) -> bool {
        self.writes() || matches!(self, Self::Prove(_) | Self::Vault { .. } | Self::History(_))
    }

    /// Whether it writes, so that what a kill interrupted has to be ended before.
    #[must_use]
    pub const fn writes(&self) -> bool {
        match self {
            Self::Undo(args) => !args.dry_run,
            _ => matches!(self.writing(), Some(write) if !write.dry_run),
        }
    }

    /// Whether it says what is there, or what would be written.
    #[must_use]
    pub const fn looks(&self) -> bool {
        matches!(self, Self::Status(_) | Self::Explain(_) | Self::Check(_) | Self::History(_))
            || (!self.writes() && (self.writing().is_some() || matches!(self, Self::Undo(_))))
    }

    const fn writing(&self) -> Option<&Writing> {
        match self {
            Self::Set(Set { write, .. })
            | Self::Rotate(Rotate { write, .. })
            | Self::Redo(Redo { write, .. })
            | Self::Remove(Remove { write, .. })
            | Self::Fix(Fix { write, .. })
            | Self::Use(Use { write, .. }) => Some(write),
            _ => None,
        }
    }

    /// Whether a yes was given beforehand.
    #[must_use]
    pub const fn agrees(&self) -> bool {
        match self {
            Self::Undo(args) => args.yes,
            _ => matches!(self.writing(), Some(write) if write.yes),
        }
    }

    /// Whether standard input is the key, so that no answer can come from there.
    #[must_use]
    pub const fn reads_the_key(&self) -> bool {
        match self {
            Self::Set(args) => args.key.from.stdin,
            Self::Rotate(args) => args.key.from.stdin,
            Self::Redo(args) => args.from.stdin,
            _ => false,
        }
    }

    /// Whether a question can be put: not beside JSON.
    #[must_use]
    pub const fn may_ask(&self) -> bool {
        let json = match self {
            Self::Undo(args) => args.json,
            _ => matches!(self.writing(), Some(write) if write.json),
        };
        !json
    }

    /// The action that an undo names, if it is an undo.
    #[must_use]
    pub const fn undoes(&self) -> Option<Option<&String>> {
        match self {
            Self::Undo(args) => Some(args.id.as_ref()),
            _ => None,
        }
    }
}

/// `demo`
#[derive(Debug, Args)]
pub struct Demo {
    /// Build the sample home here and keep it, instead of in a temporary folder
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Print the sample home and its environment instead of opening the wizard, and serve until stdin closes
    #[arg(long)]
    pub serve: bool,
}

/// `status`
#[derive(Debug, Args)]
pub struct Status {
    /// AGENT or AGENT/PROVIDER; all without one
    #[arg(value_name = "AGENT[/PROVIDER]")]
    pub slot: Option<String>,
    /// Print JSON (schema 1; keys are masked)
    #[arg(long)]
    pub json: bool,
    /// Salt of the fingerprints, to compare two runs or machines; random without it
    #[arg(long, value_name = "TEXT")]
    pub salt: Option<String>,
}

/// `explain`
#[derive(Debug, Args)]
pub struct Explain {
    /// For example hermes/anthropic; `keymend status` lists yours
    #[arg(value_name = "AGENT/PROVIDER", required_unless_present = "finding")]
    pub slot: Option<String>,
    /// Say what a finding means and what to do about it; `all` lists every one
    #[arg(long, value_name = "ID", conflicts_with_all = ["slot", "profile", "ask_shell"])]
    pub finding: Option<String>,
    /// Only this profile
    #[arg(long, value_name = "P")]
    pub profile: Option<String>,
    /// Also ask your real shell, tmux and the systemd user manager what they hold; this runs your shell's start-up files
    #[arg(long)]
    pub ask_shell: bool,
    /// Print JSON (schema 1; keys are masked)
    #[arg(long)]
    pub json: bool,
    /// Salt of the fingerprints
    #[arg(long, value_name = "TEXT")]
    pub salt: Option<String>,
}

/// `check`
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub struct Check {
    /// AGENT, AGENT/PROVIDER or PROVIDER; everything without one
    #[arg(value_name = "WHAT")]
    pub slot: Option<String>,
    /// Also show notes, connections that nobody set up, and what each test said
    #[arg(long, short)]
    pub verbose: bool,
    /// Print JSON (schema 1; keys are masked)
    #[arg(long)]
    pub json: bool,
    /// Also run probes that cost tokens
    #[arg(long)]
    pub spend: bool,
    /// On a rejection also try the same company's other addresses; the key is sent there
    #[arg(long)]
    pub siblings: bool,
}

/// `why`
#[derive(Debug, Args)]
pub struct Why {
    /// The error, in quotes
    #[arg(value_name = "ERROR TEXT", num_args = 0.., conflicts_with = "stdin")]
    pub text: Vec<String>,
    /// Read the text from standard input: an error, or a log that has one in it
    #[arg(long)]
    pub stdin: bool,
    /// Print JSON (schema 1; keys are masked)
    #[arg(long)]
    pub json: bool,
}

/// `test`
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub struct Test {
    /// PROVIDER (with --stdin or --clipboard), or AGENT/PROVIDER for the key that is active there
    #[arg(value_name = "PROVIDER|AGENT/PROVIDER")]
    pub target: String,
    /// Read the key from standard input
    #[arg(long, conflicts_with = "clipboard")]
    pub stdin: bool,
    /// Read the key from the clipboard
    #[arg(long)]
    pub clipboard: bool,
    /// Test this candidate (its number or name, as `explain` lists them) and not the one that is sent
    #[arg(long, value_name = "N", conflicts_with_all = ["stdin", "clipboard", "all"])]
    pub candidate: Option<String>,
    /// Test every stored key of the slot, or of all slots of an agent, sent or not
    #[arg(long, conflicts_with_all = ["stdin", "clipboard", "base_url"])]
    pub all: bool,
    /// Send the probe to this address instead of the provider's own
    #[arg(long, value_name = "URL", value_parser = address)]
    pub base_url: Option<String>,
    /// Say yes, for good, to this host that is not the provider's; `keymend consents` lists and takes back
    #[arg(long, value_name = "HOST")]
    pub yes_to: Vec<String>,
    /// Also run probes that cost tokens
    #[arg(long)]
    pub spend: bool,
    /// On a rejection also try the same company's other addresses; the key is sent there
    #[arg(long)]
    pub siblings: bool,
    /// Print JSON (schema 1)
    #[arg(long)]
    pub json: bool,
}

/// `report`
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub struct Report {
    /// AGENT, AGENT/PROVIDER or PROVIDER; all without one
    #[arg(value_name = "WHAT")]
    pub slot: Option<String>,
    /// Also test each key, and add what the provider says
    #[arg(long)]
    pub test: bool,
    /// Show the addresses of private servers, too
    #[arg(long)]
    pub addresses: bool,
    /// Print Markdown, as without it
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,
    /// Print JSON (schema 1; keys are masked)
    #[arg(long)]
    pub json: bool,
}

/// `consents`
#[derive(Debug, Args)]
pub struct Consents {
    /// Take back the yes to this host
    #[arg(long, value_name = "HOST")]
    pub revoke: Vec<String>,
    /// Take back every yes
    #[arg(long, conflicts_with = "revoke")]
    pub revoke_all: bool,
    /// Print JSON (schema 1)
    #[arg(long)]
    pub json: bool,
}

/// Where the key of a write comes from.
#[derive(Debug, Args)]
pub struct KeyFrom {
    /// Read the key from standard input
    #[arg(long, conflicts_with_all = ["clipboard", "vault"])]
    pub stdin: bool,
    /// Read the key from the clipboard; emptied after the write when it still holds the key
    #[arg(long, conflicts_with = "vault")]
    pub clipboard: bool,
    /// Take the key that the vault keeps under this name
    #[arg(long, value_name = "NAME")]
    pub vault: Option<String>,
}

impl KeyFrom {
    /// Whether a key was given at all.
    #[must_use]
    pub const fn is_given(&self) -> bool {
        self.stdin || self.clipboard || self.vault.is_some()
    }
}

/// A new key: where it comes from and what is done with it before it is written.
#[derive(Debug, Args)]
pub struct NewKey {
    /// The key
    #[command(flatten)]
    pub from: KeyFrom,
    /// Do not test the key first
    #[arg(long)]
    pub no_test: bool,
    /// Test at this address instead of the provider's own
    #[arg(long, value_name = "URL", value_parser = address)]
    pub base_url: Option<String>,
}

/// How a write is agreed to and told.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub struct Writing {
    /// Show the plan and write nothing (`rotate` without a key: where the old key is)
    #[arg(long)]
    pub dry_run: bool,
    /// Write without asking
    #[arg(long)]
    pub yes: bool,
    /// Go on although the key was rejected, doubtful, or made for something else, a slot would be left without any, or the
    /// only copy of another credential is taken away
    #[arg(long)]
    pub insist: bool,
    /// Restart what still holds the old key, without asking
    #[arg(long)]
    pub restart: bool,
    /// Print JSON (schema 1; keys are masked)
    #[arg(long)]
    pub json: bool,
}

/// `set`
#[derive(Debug, Args)]
pub struct Set {
    /// AGENT/PROVIDER
    #[arg(value_name = "AGENT/PROVIDER")]
    pub slot: String,
    /// Only this profile
    #[arg(long, value_name = "P")]
    pub profile: Option<String>,
    /// The key
    #[command(flatten)]
    pub key: NewKey,
    /// Write to this destination (its number or place as --dry-run lists them) instead of the one that becomes active
    #[arg(long, value_name = "SOURCE")]
    pub to: Option<String>,
    /// The write
    #[command(flatten)]
    pub write: Writing,
}

/// `rotate`
#[derive(Debug, Args)]
pub struct Rotate {
    /// AGENT/PROVIDER: the key that is sent there is replaced everywhere it is stored
    #[arg(value_name = "AGENT/PROVIDER")]
    pub slot: String,
    /// Only this profile
    #[arg(long, value_name = "P")]
    pub profile: Option<String>,
    /// Replace the key of this candidate instead (its number or name, as `explain` lists them)
    #[arg(long, value_name = "N")]
    pub candidate: Option<String>,
    /// Change only these places (their number or beginning, as --dry-run lists them); may be given several times
    #[arg(long, value_name = "PLACE")]
    pub only: Vec<String>,
    /// Leave these places as they are; may be given several times
    #[arg(long, value_name = "PLACE", conflicts_with = "only")]
    pub skip: Vec<String>,
    /// The key
    #[command(flatten)]
    pub key: NewKey,
    /// The write
    #[command(flatten)]
    pub write: Writing,
}

/// `use`
#[derive(Debug, Args)]
pub struct Use {
    /// AGENT/PROVIDER
    #[arg(value_name = "AGENT/PROVIDER")]
    pub slot: String,
    /// The candidate's number or name, as `explain` lists them
    pub candidate: String,
    /// Only this profile
    #[arg(long, value_name = "P")]
    pub profile: Option<String>,
    /// Do not test the key first
    #[arg(long)]
    pub no_test: bool,
    /// The write
    #[command(flatten)]
    pub write: Writing,
}

/// `fix`
#[derive(Debug, Args)]
pub struct Fix {
    /// AGENT, AGENT/PROVIDER or PROVIDER; everything without one
    #[arg(value_name = "WHAT")]
    pub slot: Option<String>,
    /// Only this profile
    #[arg(long, value_name = "P")]
    pub profile: Option<String>,
    /// Only findings of this kind, as `check` names them
    #[arg(long, value_name = "ID")]
    pub finding: Option<String>,
    /// Do not test any key
    #[arg(long)]
    pub no_test: bool,
    /// The write
    #[command(flatten)]
    pub write: Writing,
}

/// `remove`
#[derive(Debug, Args)]
pub struct Remove {
    /// AGENT/PROVIDER
    #[arg(value_name = "AGENT/PROVIDER")]
    pub slot: String,
    /// The candidate's number or name, as `explain` lists them
    pub candidate: String,
    /// Only this profile
    #[arg(long, value_name = "P")]
    pub profile: Option<String>,
    /// The write
    #[command(flatten)]
    pub write: Writing,
}

/// `clean`
#[derive(Debug, Args)]
pub struct Clean {
    /// Read the paste from standard input (the only way there is)
    #[arg(long)]
    pub stdin: bool,
    /// The provider that the key should be for
    #[arg(long, value_name = "P")]
    pub provider: Option<String>,
    /// Print JSON (schema 1; the key is masked)
    #[arg(long)]
    pub json: bool,
    /// Salt of the fingerprint
    #[arg(long, value_name = "TEXT")]
    pub salt: Option<String>,
}

/// `prove`
#[derive(Debug, Args)]
pub struct Prove {
    /// AGENT or AGENT/PROVIDER
    #[arg(value_name = "AGENT[/PROVIDER]")]
    pub slot: String,
    /// Only this profile
    #[arg(long, value_name = "P")]
    pub profile: Option<String>,
    /// Run without asking
    #[arg(long)]
    pub yes: bool,
    /// Print JSON (schema 1; keys are masked)
    #[arg(long)]
    pub json: bool,
}

/// `vault`
#[derive(Debug, Subcommand)]
pub enum Vault {
    /// List the names
    #[command(after_help = guide::help("vault list"))]
    List {
        /// Print JSON (schema 1; keys are masked)
        #[arg(long)]
        json: bool,
    },
    /// Keep a key under a name such as `anthropic/work`
    #[command(after_help = guide::help("vault add"))]
    Add {
        /// The name
        name: String,
        /// Read the key from standard input
        #[arg(long, conflicts_with = "clipboard")]
        stdin: bool,
        /// Read the key from the clipboard
        #[arg(long)]
        clipboard: bool,
    },
    /// Forget a key
    #[command(after_help = guide::help("vault remove"))]
    Remove {
        /// The name
        name: String,
        /// Remove without asking
        #[arg(long)]
        yes: bool,
    },
}

/// `history`
#[derive(Debug, Args)]
pub struct History {
    /// Print JSON (schema 1; keys are masked)
    #[arg(long)]
    pub json: bool,
    /// Remove all backups and entries; they hold old keys
    #[arg(long)]
    pub purge: bool,
    /// Purge without asking
    #[arg(long)]
    pub yes: bool,
}

/// `undo`
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub struct Undo {
    /// The action's id as `history` lists it; the last one without it
    pub id: Option<String>,
    /// Where another program wrote since: put back only what keymend changed, and keep the rest
    #[arg(long)]
    pub values: bool,
    /// Where another program wrote since: put the whole old file back, over what was written
    #[arg(long, conflicts_with = "values")]
    pub whole: bool,
    /// Show what would change and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write without asking
    #[arg(long)]
    pub yes: bool,
    /// Print JSON (schema 1)
    #[arg(long)]
    pub json: bool,
}

/// `redo`
#[derive(Debug, Args)]
pub struct Redo {
    /// The action's id as `history` lists it; the newest that another program took back without it
    pub id: Option<String>,
    /// The action's key, if it is no longer on this machine
    #[command(flatten)]
    pub from: KeyFrom,
    /// The write
    #[command(flatten)]
    pub write: Writing,
}

/// `providers`, `agents`
#[derive(Debug, Args)]
pub struct List {
    /// Print JSON (schema 1)
    #[arg(long)]
    pub json: bool,
    /// Print the table of docs/agents.md or docs/providers.md
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,
}

/// `man`
#[derive(Debug, Args)]
pub struct Manual {
    /// The command, as it is typed: set, vault add
    #[arg(value_name = "COMMAND", num_args = 0..)]
    pub command: Vec<String>,
    /// List the names of all pages
    #[arg(long, conflicts_with = "command")]
    pub list: bool,
}

/// An address to ask: what is none is not looked up anywhere.
fn address(text: &str) -> Result<String, &'static str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') => Ok(text.to_owned()),
        _ => Err("an address begins with https:// or http:// and names a host"),
    }
}
