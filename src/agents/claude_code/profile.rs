//! The profile under `~/.config/anthropic` that Claude Code shares with the SDKs and the `ant` command.

use crate::agents::common::{self, Doc};
use crate::source::{Place, Value};
use crate::world::World;

use super::settings::Settings;

/// What the profile gives.
pub enum Gives {
    /// No profile.
    Nothing,
    /// A token, for the profile's own address where it has one.
    Token(Option<String>),
    /// The run hangs without a request.
    Hangs(String),
    /// A token that is exchanged for another one at run time.
    Exchanged,
    /// Something that is unknown.
    NotKnown(String),
}

/// The profile and its token.
pub struct Profile {
    /// Its name.
    pub name: String,
    /// `ANTHROPIC_PROFILE` names it.
    pub explicit: bool,
    /// Where its token is.
    pub place: Place,
    /// The token.
    pub value: Value,
    /// What it gives.
    pub gives: Gives,
}

impl Profile {
    /// Reads the profile in use.
    pub fn read(world: &dyn World, settings: &Settings) -> Self {
        let folder = common::home(world).join(".config/anthropic");
        let named = settings.text(world, "ANTHROPIC_PROFILE");
        let explicit = named.is_some();
        let name = named.or_else(|| active_config(world, &folder)).unwrap_or_else(|| "default".to_owned());
        let config = Doc::json(world, folder.join("configs").join(format!("{name}.json")));
        let path = match config.text(&["credentials_path"]) {
            Some(path) => common::expand(world, &folder, path),
            None => folder.join("credentials").join(format!("{name}.json")),
        };
        let credentials = Doc::json(world, path);
        let value = Value::of(credentials.text(&["access_token"]));
        let gives = gives(world, &config, &credentials);
        Self { name, explicit, place: credentials.place(&["access_token"]), value, gives }
    }
}

fn active_config(world: &dyn World, folder: &std::path::Path) -> Option<String> {
    let state = world.text(&folder.join("active_config"))?;
    let name = state.text()?.trim();
    (!name.is_empty() && !name.contains(['/', '\\'])).then(|| name.to_owned())
}

fn gives(world: &dyn World, config: &Doc, credentials: &Doc) -> Gives {
    if !config.present {
        return Gives::Nothing;
    }
    match config.text(&["authentication", "type"]) {
        Some("user_oauth") => {}
        Some("oidc_federation") => return Gives::Exchanged,
        _ => return Gives::NotKnown("the profile's kind of authentication is unknown".into()),
    }
    if !credentials.present {
        return Gives::Nothing;
    }
    let mode = world.read(&credentials.path).meta().map_or(0o600, |meta| meta.mode & 0o777);
    if mode & 0o077 != 0 {
        return Gives::Hangs(format!(
            "its credentials file has mode {mode:04o}; it must be 0600, and until then Claude Code hangs without a request"
        ));
    }
    let expired = credentials
        .at(&["expires_at"])
        .and_then(serde_json::Value::as_i64)
        .is_some_and(|at| at.saturating_mul(1000) < world.now_ms());
    if credentials.text(&["access_token"]).is_none_or(str::is_empty) || expired {
        return Gives::NotKnown("the profile's token is missing or has expired".into());
    }
    Gives::Token(config.text(&["base_url"]).map(ToOwned::to_owned))
}
