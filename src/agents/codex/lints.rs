//! What surprises people about Codex's choice.

use crate::agents::common;
use crate::finding::Lint;
use crate::world::World;

use super::account::{Account, Payer};
use super::config::{Config, OPENAI};
use super::environment::Environment;

/// The lints of one provider's slot.
pub fn of_slot(
    world: &dyn World,
    config: &Config,
    environment: &Environment,
    provider: &str,
    account: &Account,
) -> Vec<Lint> {
    let mut lints = Vec::new();
    let table = |field: &str| config.text(&["model_providers", provider, field]);
    if account.is_deleted(config) {
        lints.push(Lint::fault(
            "login-deleted",
            "forced_login_method does not match the account: at the next start Codex deletes auth.json and stops",
        ));
    }
    if provider == OPENAI {
        lints.extend(built_in(world, config, environment, account));
    }
    if let Some(name) = table("env_key") {
        lints.extend(file_beats_shell(environment, name));
    }
    if table("experimental_bearer_token").is_some() {
        lints.push(Lint::note(
            "key-in-config",
            "a token is in the configuration itself; env_key keeps it out",
        ));
    }
    let asks =
        config.at(&["model_providers", provider, "requires_openai_auth"]).is_some_and(|flag| flag == true);
    if let Some(base) = table("base_url").filter(|base| asks && !is_openai(base)) {
        lints.push(common::foreign_base("Codex", base, "requires_openai_auth with this provider's base_url"));
    }
    lints
}

fn built_in(world: &dyn World, config: &Config, environment: &Environment, account: &Account) -> Vec<Lint> {
    let mut lints = Vec::new();
    let exported = !environment.variable("OPENAI_API_KEY").is_empty();
    let payer = account.payer();
    if exported && payer != Some(Payer::Key) {
        // Other programs use the variable; with a login of its own Codex does not miss it.
        let words = "OPENAI_API_KEY is set, and Codex does not use it";
        lints.push(match payer {
            Some(Payer::Plan) => Lint::note("variable-unused", words),
            _ => Lint::warn("variable-unused", words),
        });
    }
    if let Some(base) = config.text(&["openai_base_url"]).filter(|base| !is_openai(base)) {
        lints.push(common::foreign_base("Codex", base, "openai_base_url in its configuration"));
    }
    if world.var_nonempty("OPENAI_BASE_URL").is_some() {
        lints.push(Lint::note("variable-unused", "OPENAI_BASE_URL is set, and Codex does not use it"));
    }
    let metered = world.var("CODEX_API_KEY").is_some_and(|key| !key.trim().is_empty());
    let payer = payer.map(|payer| match payer {
        Payer::Key if metered => "the metered key in CODEX_API_KEY pays",
        Payer::Key => "the metered API key pays",
        Payer::Plan => "the ChatGPT plan pays",
    });
    lints.extend(payer.map(|payer| Lint::note("who-pays", payer)));
    lints
}

fn file_beats_shell(environment: &Environment, name: &str) -> Option<Lint> {
    let found = environment.variable(name);
    let [first, second, ..] = found.as_slice() else { return None };
    let name = common::printable(name);
    let message = format!("~/.codex/.env sets {name} and beats the one in the shell, which is another key");
    (first.text != second.text).then(|| Lint::warn("file-beats-shell", message))
}

fn is_openai(base_url: &str) -> bool {
    let host = common::host_of(base_url);
    common::is_within(&host, "openai.com") || common::is_within(&host, "chatgpt.com")
}
