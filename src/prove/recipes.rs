//! How each agent is run once against loopback: its headless form, what it reads, and how it is told of a proxy and a
//! certificate authority. From runs of the real programs of the versions in the table of agents.

use super::Variable;
use crate::resolve::Slot;

/// How one agent is run.
#[derive(Clone, Copy)]
pub struct Recipe {
    /// The executable's name.
    pub program: &'static str,
    /// Its arguments for one short prompt.
    pub args: fn(&Slot) -> Vec<String>,
    /// What it reads below the home folder.
    pub home: &'static [&'static str],
    /// What it reads in the working directory.
    pub cwd: &'static [&'static str],
    /// The variables that bring it to loopback and keep it quiet.
    pub variables: &'static [(&'static str, Variable)],
    /// A module for its Node, where it asks no proxy.
    pub hook: Option<&'static str>,
}

/// Redirects every outgoing connection of a Node program to loopback.
const NODE_HOOK: &str = include_str!("../../assets/prove/loopback.cjs");

/// The recipe of an agent.
#[must_use]
pub fn recipe(agent: &str) -> Option<Recipe> {
    Some(match agent {
        "hermes" => HERMES,
        "openclaw" => OPENCLAW,
        "claude-code" => CLAUDE_CODE,
        "codex" => CODEX,
        "aider" => AIDER,
        "llm" => LLM,
        _ => return None,
    })
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

const HERMES: Recipe = Recipe {
    program: "hermes",
    args: |slot| {
        let profile = if slot.profile == "default" { Vec::new() } else { words(&["-p", &slot.profile]) };
        let prompt = words(&["-t", "safe", "-z", "ping"]);
        profile.into_iter().chain(prompt).collect()
    },
    home: &[".hermes", ".claude/.credentials.json", ".codex/auth.json", ".qwen/oauth_creds.json"],
    cwd: &[],
    variables: &[
        ("HTTPS_PROXY", Variable::Proxy),
        ("https_proxy", Variable::Proxy),
        ("HERMES_CA_BUNDLE", Variable::Authority),
        ("SSL_CERT_FILE", Variable::Authority),
        ("REQUESTS_CA_BUNDLE", Variable::Authority),
        ("CURL_CA_BUNDLE", Variable::Authority),
        ("HERMES_SKIP_UPDATE_CHECK", Variable::Text("1")),
        ("PYTHONDONTWRITEBYTECODE", Variable::Text("1")),
        ("AWS_EC2_METADATA_DISABLED", Variable::Text("true")),
    ],
    hook: None,
};

const OPENCLAW: Recipe = Recipe {
    program: "openclaw",
    args: |slot| {
        let (profile, agent) = match slot.profile.rsplit_once('/') {
            Some((profile, agent)) => (words(&["--profile", profile]), agent),
            None => (Vec::new(), slot.profile.as_str()),
        };
        let run = words(&["agent", "--local", "--agent", agent, "--message", "hi"]);
        profile.into_iter().chain(run).collect()
    },
    home: &[".openclaw", ".config/openclaw"],
    cwd: &[".env"],
    variables: &[
        ("KEYMEND_LOOPBACK_PORT", Variable::Port),
        ("NODE_EXTRA_CA_CERTS", Variable::Authority),
        ("NO_COLOR", Variable::Text("1")),
    ],
    hook: Some(NODE_HOOK),
};

const CLAUDE_CODE: Recipe = Recipe {
    program: "claude",
    args: |_| words(&["-p", "hi", "--max-turns", "1"]),
    home: &[
        ".claude.json",
        ".claude/settings.json",
        ".claude/settings.local.json",
        ".claude/.credentials.json",
    ],
    cwd: &[".claude/settings.json", ".claude/settings.local.json"],
    variables: &[
        ("HTTPS_PROXY", Variable::Proxy),
        ("https_proxy", Variable::Proxy),
        ("NODE_EXTRA_CA_CERTS", Variable::Authority),
        ("SSL_CERT_FILE", Variable::Authority),
        ("DISABLE_AUTOUPDATER", Variable::Text("1")),
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", Variable::Text("1")),
    ],
    hook: None,
};

const CODEX: Recipe = Recipe {
    program: "codex",
    args: |slot| {
        let profile =
            if slot.profile == "default" { Vec::new() } else { words(&["--profile", &slot.profile]) };
        let run = words(&["exec", "--skip-git-repo-check", "--color", "never", "hi"]);
        profile.into_iter().chain(run).collect()
    },
    home: &[".codex/auth.json", ".codex/config.toml", ".codex/.env"],
    cwd: &[".codex/config.toml"],
    variables: &[
        ("HTTPS_PROXY", Variable::Proxy),
        ("https_proxy", Variable::Proxy),
        ("SSL_CERT_FILE", Variable::Authority),
        ("CODEX_CA_CERTIFICATE", Variable::Authority),
        ("RUST_LOG", Variable::Text("error")),
    ],
    hook: None,
};

const PYTHON: &[(&str, Variable)] = &[
    ("HTTPS_PROXY", Variable::Proxy),
    ("https_proxy", Variable::Proxy),
    ("SSL_CERT_FILE", Variable::Authority),
    ("REQUESTS_CA_BUNDLE", Variable::Authority),
    ("CURL_CA_BUNDLE", Variable::Authority),
    ("PYTHONDONTWRITEBYTECODE", Variable::Text("1")),
    ("LITELLM_LOCAL_MODEL_COST_MAP", Variable::Text("True")),
];

const AIDER: Recipe = Recipe {
    program: "aider",
    args: |slot| {
        let mut args = words(&[
            "--message",
            "hi",
            "--yes-always",
            "--no-git",
            "--no-check-update",
            "--no-show-release-notes",
            "--no-show-model-warnings",
            "--analytics-disable",
            "--no-pretty",
            "--no-suggest-shell-commands",
            "--map-tokens",
            "0",
        ]);
        if !slot.in_use {
            args.extend(words(&["--model", aider_model(&slot.agent_provider)]));
        }
        args
    },
    home: &[".aider.conf.yml", ".env", ".aider/oauth-keys.env", ".aider.model.settings.yml"],
    cwd: &[".aider.conf.yml", ".env"],
    variables: PYTHON,
    hook: None,
};

fn aider_model(provider: &str) -> &str {
    match provider {
        "openrouter" => "openrouter/acme/test-model",
        "anthropic" => "anthropic/claude-3-5-haiku-20241022",
        "gemini" => "gemini/gemini-2.0-flash",
        "deepseek" => "deepseek/deepseek-chat",
        "groq" => "groq/llama-3.1-8b-instant",
        _ => "openai/gpt-4o",
    }
}

const LLM: Recipe = Recipe {
    program: "llm",
    args: |slot| {
        let model = match slot.agent_provider.as_str() {
            "anthropic" => "anthropic/claude-3-5-haiku-latest",
            "gemini" => "gemini/gemini-2.5-flash",
            "openrouter" => "openrouter/acme/test-model",
            _ => "gpt-4o",
        };
        words(&["-m", model, "hi", "--no-log"])
    },
    home: &[".config/io.datasette.llm"],
    cwd: &[],
    variables: PYTHON,
    hook: None,
};
