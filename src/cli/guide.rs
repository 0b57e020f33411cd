//! What the help and the manual page of each command say beside its options: examples, the page of the documentation, and the
//! files and variables that it uses. One entry a command; a test holds that every command has one and every example parses.

use std::fmt::Write as _;

use crate::pages;

/// What a command uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uses {
    /// The places where agents look for keys.
    Agents,
    /// The history and its backups.
    History,
    /// The hosts that the person agreed to.
    Consents,
    /// The names of the vault.
    Vault,
    /// The network.
    Network,
    /// The clipboard.
    Clipboard,
    /// The whole terminal.
    Screen,
}

/// A file or a variable, and what it is for.
type Used = (&'static str, &'static str);

/// What every command reads.
const FILES: [Used; 2] = [
    (
        "~/.config/keymend/keymend.toml",
        "settings: how long backups are kept, whether the clipboard is emptied",
    ),
    ("~/.config/keymend/providers/*.toml", "providers of your own"),
];

/// What every command looks at.
const VARIABLES: [Used; 5] = [
    ("HOME", "the home folder to look at; --home names another one"),
    ("XDG_CONFIG_HOME", "moves ~/.config"),
    ("XDG_STATE_HOME", "moves ~/.local/state"),
    ("NO_COLOR", "set and not empty: no colours"),
    (
        "LC_ALL, LC_CTYPE, LANG",
        "where they name another character set than UTF-8, everything is written in ASCII",
    ),
];

impl Uses {
    const fn files(self) -> &'static [Used] {
        match self {
            Self::Agents => &[(
                "the files of the agents",
                "docs/agents.md lists them; `keymend explain AGENT/PROVIDER` names those of your home",
            )],
            Self::History => &[(
                "~/.local/state/keymend/actions/",
                "the history and its backups, which hold old keys (mode 0600); `keymend history --purge` removes them",
            )],
            Self::Consents => {
                &[("~/.local/state/keymend/consents.json", "the hosts that keys may go to by your own yes")]
            }
            Self::Vault => &[(
                "the keyring of the system, service keymend",
                "the keys of the vault; their names are in ~/.local/state/keymend/",
            )],
            Self::Network | Self::Clipboard | Self::Screen => &[],
        }
    }

    const fn variables(self) -> &'static [Used] {
        match self {
            Self::Agents => &[(
                "the variables of the agents",
                "such as ANTHROPIC_API_KEY: they are places where agents look for keys",
            )],
            Self::Network => &[
                ("HTTPS_PROXY, ALL_PROXY, NO_PROXY", "the proxy of a test"),
                ("SSL_CERT_FILE", "certificates that a test trusts, in place of the system's"),
            ],
            Self::Clipboard => {
                &[("KEYMEND_KEEP_CLIPBOARD", "set and not empty: the clipboard is not emptied after a write")]
            }
            Self::Screen => &[
                ("KEYMEND_REDUCED_MOTION", "set and not empty: nothing moves on the screen"),
                ("TERM", "dumb: there is no screen to draw on, and the wizard says what to use instead"),
            ],
            Self::History | Self::Consents | Self::Vault => &[],
        }
    }
}

/// The guide of one command.
#[derive(Clone, Copy, Debug)]
pub struct Guide {
    /// The command without `keymend`: `set`, `vault add`; empty for keymend itself.
    pub command: &'static str,
    /// What is worth knowing before it is used; may be empty.
    pub note: &'static str,
    /// Command lines, and what each does.
    pub examples: &'static [(&'static str, &'static str)],
    /// The page of the documentation.
    pub page: &'static str,
    /// What it uses.
    pub uses: &'static [Uses],
}

use Uses::{Agents, Clipboard, Consents, History, Network, Screen, Vault};

/// All of them, in the order of the help.
pub const ALL: &[Guide] = &[
    Guide {
        command: "",
        note: "Without a command the wizard opens.",
        examples: &[
            ("keymend", "the wizard on this machine"),
            ("keymend check", "what is wrong, worst first, with the command that mends it"),
            ("keymend why \"401 invalid x-api-key\"", "whose error it is, and what to do"),
        ],
        page: "quick-start",
        uses: &[Agents, History, Consents, Vault, Network, Clipboard, Screen],
    },
    Guide {
        command: "demo",
        note: "",
        examples: &[
            ("keymend demo", "the wizard on a sample home that is removed at the end"),
            ("keymend demo --keep ~/keymend-demo", "the same, and the sample home stays"),
        ],
        page: "quick-start",
        uses: &[Screen],
    },
    Guide {
        command: "status",
        note: "",
        examples: &[
            ("keymend status", "every connection of this machine"),
            ("keymend status hermes/anthropic --json", "one of them, for a script"),
        ],
        page: "quick-start",
        uses: &[Agents],
    },
    Guide {
        command: "explain",
        note: "",
        examples: &[
            ("keymend explain openclaw/anthropic", "every source in the agent's order, and why one is sent"),
            ("keymend explain --finding two-keys", "what a finding means and what to do about it"),
        ],
        page: "how-it-works",
        uses: &[Agents],
    },
    Guide {
        command: "check",
        note: "The keys in use are tested at their providers; --offline sends nothing.",
        examples: &[
            ("keymend check", "what is wrong on this machine"),
            ("keymend check claude --offline -v", "Claude Code alone, without a request, with all notes"),
        ],
        page: "findings",
        uses: &[Agents, Consents, Network],
    },
    Guide {
        command: "why",
        note: "The text may be a line, an answer of a provider, or a whole log. Nothing is sent, and keys in it are masked.",
        examples: &[
            ("keymend why \"401 invalid x-api-key\"", "an error in quotes"),
            (
                "journalctl --user -u openclaw-gateway -n 200 | keymend why --stdin",
                "a log; the last clear error in it is explained",
            ),
        ],
        page: "errors",
        uses: &[Agents],
    },
    Guide {
        command: "fix",
        note: "Every change is shown and asked for before it is written, and can be undone.",
        examples: &[
            ("keymend fix", "one finding after the other"),
            ("keymend fix hermes/anthropic --dry-run", "only shows what it would do there"),
        ],
        page: "findings",
        uses: &[Agents, History, Consents, Network],
    },
    Guide {
        command: "test",
        note: "The key is sent to its provider's own host. Any other host needs your yes.",
        examples: &[
            ("keymend test hermes/anthropic", "the key that Hermes sends there, as Hermes sends it"),
            ("keymend test openrouter --stdin < key.txt", "a key that is nowhere yet"),
        ],
        page: "json#verdicts",
        uses: &[Agents, Consents, Network],
    },
    Guide {
        command: "report",
        note: "Keys are masked. The home folder, the names of user and machine, mail addresses and private servers are left out.\n\
               Read it before you post it all the same.",
        examples: &[
            ("keymend report", "this machine as Markdown"),
            ("keymend report openclaw --test", "OpenClaw alone, with what the providers say"),
        ],
        page: "threat-model",
        uses: &[Agents, History, Network],
    },
    Guide {
        command: "consents",
        note: "",
        examples: &[
            ("keymend consents", "the hosts"),
            ("keymend consents --revoke 127.0.0.1:4000", "takes one back"),
        ],
        page: "threat-model",
        uses: &[Consents],
    },
    Guide {
        command: "set",
        note: "A key is never an argument: it is asked for, hidden, or comes from --stdin, --clipboard or --vault.",
        examples: &[
            (
                "keymend set hermes/anthropic",
                "asks for the key, tests it, shows the change, asks, writes, and looks again",
            ),
            (
                "keymend set hermes/anthropic --stdin --dry-run < key.txt",
                "only shows what would be written where",
            ),
        ],
        page: "quick-start",
        uses: &[Agents, History, Consents, Vault, Network, Clipboard],
    },
    Guide {
        command: "rotate",
        note: "All places change, or none.",
        examples: &[
            ("keymend rotate hermes/anthropic --dry-run", "where the key is that Hermes sends there"),
            ("keymend rotate hermes/anthropic --clipboard", "replaces it in all these places"),
        ],
        page: "how-it-works",
        uses: &[Agents, History, Consents, Vault, Network, Clipboard],
    },
    Guide {
        command: "use",
        note: "",
        examples: &[
            ("keymend use openclaw/anthropic work", "the profile `work` becomes the active one"),
            ("keymend use codex/openai 2 --dry-run", "shows what would make source 2 the active one"),
        ],
        page: "how-it-works",
        uses: &[Agents, History, Consents, Network],
    },
    Guide {
        command: "remove",
        note: "",
        examples: &[
            (
                "keymend remove openclaw/anthropic anthropic:old",
                "a whole profile, with its name in the orders",
            ),
            ("keymend remove hermes/anthropic 2 --dry-run", "shows what would be taken away"),
        ],
        page: "how-it-works",
        uses: &[Agents, History],
    },
    Guide {
        command: "clean",
        note: "",
        examples: &[
            ("keymend clean --stdin < key.txt", "what a paste becomes"),
            (
                "keymend clean --stdin --provider openai --json < key.txt",
                "the same for a script, and whether it is a key of OpenAI",
            ),
        ],
        page: "how-it-works",
        uses: &[],
    },
    Guide {
        command: "prove",
        note: "Your agent runs once, with your keys, against a server on loopback that forwards nothing.",
        examples: &[
            ("keymend prove hermes/anthropic", "what Hermes really sends there"),
            ("keymend prove claude --yes --json", "Claude Code, without a question, for a script"),
        ],
        page: "agents",
        uses: &[Agents],
    },
    Guide {
        command: "vault",
        note: "",
        examples: &[
            ("keymend vault add anthropic/work --clipboard", "parks a key"),
            ("keymend set hermes/anthropic --vault anthropic/work", "puts it where Hermes sends it from"),
        ],
        page: "threat-model",
        uses: &[Vault],
    },
    Guide {
        command: "vault list",
        note: "",
        examples: &[
            ("keymend vault list", "the names and the masked keys"),
            ("keymend vault list --json", "for a script"),
        ],
        page: "threat-model",
        uses: &[Vault],
    },
    Guide {
        command: "vault add",
        note: "",
        examples: &[
            ("keymend vault add anthropic/work", "asks for the key, hidden"),
            ("keymend vault add anthropic/work --stdin < key.txt", "takes it from a file"),
        ],
        page: "threat-model",
        uses: &[Vault],
    },
    Guide {
        command: "vault remove",
        note: "",
        examples: &[
            ("keymend vault remove anthropic/work", "asks first"),
            ("keymend vault remove anthropic/work --yes", "does not ask"),
        ],
        page: "threat-model",
        uses: &[Vault],
    },
    Guide {
        command: "history",
        note: "",
        examples: &[
            ("keymend history", "what was written, and what another program took back since"),
            ("keymend history --purge", "removes all backups; they hold old keys"),
        ],
        page: "how-it-works",
        uses: &[History],
    },
    Guide {
        command: "undo",
        note: "",
        examples: &[
            ("keymend undo", "the last write, byte for byte"),
            (
                "keymend undo 20261128-034217-001 --values",
                "an earlier one; what other programs wrote since stays",
            ),
        ],
        page: "how-it-works",
        uses: &[Agents, History],
    },
    Guide {
        command: "redo",
        note: "keymend keeps no copy of a key: if the action's key is no longer on this machine, give it again.",
        examples: &[
            ("keymend redo", "the newest write that another program took back"),
            ("keymend redo --clipboard", "the same, with the key from the clipboard"),
        ],
        page: "how-it-works",
        uses: &[Agents, History, Clipboard],
    },
    Guide {
        command: "providers",
        note: "",
        examples: &[
            ("keymend providers", "the list, and what is wrong in files of your own"),
            ("keymend providers --json", "all that is known"),
        ],
        page: "providers",
        uses: &[],
    },
    Guide {
        command: "agents",
        note: "",
        examples: &[
            ("keymend agents", "the list, and which of them are here"),
            ("keymend agents --json", "with the places where each looks"),
        ],
        page: "agents",
        uses: &[Agents],
    },
    Guide {
        command: "completions",
        note: "",
        examples: &[
            ("keymend completions bash > ~/.local/share/bash-completion/completions/keymend", "for bash"),
            ("keymend completions zsh > ~/.zfunc/_keymend", "for zsh, where ~/.zfunc is in fpath"),
        ],
        page: "commands",
        uses: &[],
    },
    Guide {
        command: "man",
        note: "",
        examples: &[
            ("keymend man set | man -l -", "the page of `keymend set`"),
            (
                "for page in $(keymend man --list); do keymend man $page > $page.1; done",
                "a file for each command, as packages install them",
            ),
        ],
        page: "commands",
        uses: &[],
    },
];

/// The guide of a command.
#[must_use]
pub fn of(command: &str) -> Option<&'static Guide> {
    ALL.iter().find(|guide| guide.command == command)
}

/// What the help of a command ends with.
#[must_use]
pub fn help(command: &str) -> String {
    of(command).map(Guide::help).unwrap_or_default()
}

impl Guide {
    fn help(&self) -> String {
        let mut out = String::new();
        if !self.note.is_empty() {
            let _ = writeln!(out, "{}\n", self.note);
        }
        out.push_str("Examples:\n");
        for (line, does) in self.examples {
            let _ = writeln!(out, "  {line}\n      {does}");
        }
        let _ = write!(out, "\nMore: {}", pages::find(self.page));
        out
    }

    /// The files that it uses.
    pub fn files(&self) -> impl Iterator<Item = Used> {
        FILES.into_iter().chain(self.uses.iter().flat_map(|uses| uses.files().iter().copied()))
    }

    /// The variables that it looks at.
    pub fn variables(&self) -> impl Iterator<Item = Used> {
        VARIABLES.into_iter().chain(self.uses.iter().flat_map(|uses| uses.variables().iter().copied()))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    fn names(of: &clap::Command, before: &str, found: &mut Vec<String>) {
        for below in of.get_subcommands().filter(|below| below.get_name() != "help") {
            let name = format!("{before} {}", below.get_name()).trim().to_owned();
            names(below, &name, found);
            found.push(name);
        }
    }

    #[test]
    fn every_command_has_a_guide_with_two_examples_of_itself() {
        let mut all = vec![String::new()];
        names(&Cli::command(), "", &mut all);
        for name in &all {
            let guide = of(name).unwrap_or_else(|| panic!("no guide for {name}"));
            assert!(guide.examples.len() >= 2, "{name}");
            let own = guide.examples.iter().filter(|(line, _)| line.contains(&format!("keymend {name}")));
            assert!(own.count() >= 1 || name.is_empty(), "{name}");
        }
        assert_eq!(ALL.len(), all.len(), "a guide for no command");
    }

    #[test]
    fn the_help_of_every_command_ends_with_its_guide() {
        let mut root = Cli::command();
        root.build();
        for guide in ALL {
            let mut at = &root;
            for word in guide.command.split_whitespace() {
                at = at.find_subcommand(word).unwrap();
            }
            let help = at.clone().render_help().to_string();
            assert!(help.contains("Examples:\n") && help.contains("More: "), "{}\n{help}", guide.command);
        }
    }
}
