//! The command line: clap definitions and nothing else.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

/// Shows which API key each of your AI tools will really send, tests it at the provider, and replaces it safely.
#[derive(Debug, Parser)]
#[command(name = "keymend", version, about, max_term_width = 100)]
#[command(
    after_help = "Without a command the wizard opens. Exit codes: 0 fine, 1 problems found, 2 could not run."
)]
pub struct Cli {
    /// Look at this home folder instead of your own
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Never use the network
    #[arg(long, global = true)]
    pub offline: bool,
    /// What to do; the wizard without one
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Open the wizard on a sample home with a built-in provider: no real key, no network
    Demo(Demo),
    /// Say what each slot sends and why, without the network
    Status(Status),
    /// Show the whole precedence chain of one slot
    Explain(Explain),
    /// Look for problems: what each slot sends, faults visible offline, and a live test of each key
    Check(Check),
    /// Test a key at its provider
    Test(Test),
    /// Put a new key where the agent will send it from
    Set(Set),
    /// Make another candidate or profile the active one
    Use(Use),
    /// Say what a paste becomes: the masked key and what was removed, or why it is refused
    Clean(Clean),
    /// Run your own agent against a loopback server and compare what it sends with the prediction
    Prove(Prove),
    /// Keys that keymend keeps for you in the OS keyring
    Vault {
        /// What to do
        #[command(subcommand)]
        action: Vault,
    },
    /// List what keymend has written
    History(History),
    /// Take a write back, byte for byte
    Undo(Undo),
    /// List the providers that keymend knows
    Providers(List),
    /// List the agents that keymend knows
    Agents(List),
    /// Print a completion script for your shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

impl Command {
    /// Whether it changes files, or speaks of changes made: what a kill interrupted is ended before.
    #[must_use]
    pub const fn writes(&self) -> bool {
        match self {
            Self::Set(args) => !args.dry_run,
            Self::Use(args) => !args.dry_run,
            Self::Undo(_) | Self::History(_) => true,
            _ => false,
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
    /// AGENT/PROVIDER
    #[arg(value_name = "AGENT/PROVIDER")]
    pub slot: String,
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
pub struct Check {
    /// AGENT or AGENT/PROVIDER; all without one
    #[arg(value_name = "AGENT[/PROVIDER]")]
    pub slot: Option<String>,
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
    /// Send the probe to this address instead of the provider's own
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
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

/// `set`
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub struct Set {
    /// AGENT/PROVIDER
    #[arg(value_name = "AGENT/PROVIDER")]
    pub slot: String,
    /// Only this profile
    #[arg(long, value_name = "P")]
    pub profile: Option<String>,
    /// Read the key from standard input
    #[arg(long, conflicts_with_all = ["clipboard", "vault"])]
    pub stdin: bool,
    /// Read the key from the clipboard
    #[arg(long, conflicts_with = "vault")]
    pub clipboard: bool,
    /// Take the key that the vault keeps under this name
    #[arg(long, value_name = "NAME")]
    pub vault: Option<String>,
    /// Write to this destination (its number or place as --dry-run lists them) instead of the one that becomes active
    #[arg(long, value_name = "SOURCE")]
    pub to: Option<String>,
    /// Show the plan and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write without asking
    #[arg(long)]
    pub yes: bool,
    /// Do not test the key first
    #[arg(long)]
    pub no_test: bool,
    /// Go on although the key was rejected, doubtful, or made for something else
    #[arg(long)]
    pub insist: bool,
    /// Test at this address instead of the provider's own
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// Print JSON (schema 1; keys are masked)
    #[arg(long)]
    pub json: bool,
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
    /// Show the plan and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write without asking
    #[arg(long)]
    pub yes: bool,
    /// Print JSON (schema 1; keys are masked)
    #[arg(long)]
    pub json: bool,
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
    List {
        /// Print JSON (schema 1; keys are masked)
        #[arg(long)]
        json: bool,
    },
    /// Keep a key under a name such as `anthropic/work`
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
pub struct Undo {
    /// The action's id as `history` lists it; the last one without it
    pub id: Option<String>,
    /// Write without asking
    #[arg(long)]
    pub yes: bool,
    /// Print JSON (schema 1)
    #[arg(long)]
    pub json: bool,
}

/// `providers`, `agents`
#[derive(Debug, Args)]
pub struct List {
    /// Print JSON (schema 1)
    #[arg(long)]
    pub json: bool,
    /// Print the README's table
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,
}
