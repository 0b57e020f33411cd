//! What surprises people about Claude Code's choice.

use crate::agents::common;
use crate::finding::Lint;
use crate::resolve::Mode;
use crate::world::World;

use super::Claude;
use super::credentials::Credentials;
use super::decide::{Kind, Row};
use super::settings::{Found, Settings};

/// The lints of the first-party slot in one mode.
pub fn of_slot(claude: &Claude<'_>, rows: &[Row], base: Option<&Found>, mode: Mode) -> Vec<Lint> {
    let Claude { world, settings, credentials, .. } = claude;
    let world = *world;
    let live = |kind: Kind| rows.iter().any(|row| row.is_live() && row.kind == kind);
    let mut lints = who_pays(credentials, rows, mode);
    lints.extend(two_keys(&live));
    lints.extend(base.and_then(|base| of_base(world, base)));
    lints.extend(base.and_then(|base| doubled_path(&base.text)));
    lints.extend(empty_hides(world, settings));
    lints.extend(project(world, settings, credentials));
    lints.extend(credentials.emptied.as_ref().map(|place| {
        let place = place.show(world.home());
        let words = format!(
            "the login at {place} was emptied: its token is an empty text; sign in again with /login"
        );
        Lint::warn("login-emptied", words)
    }));
    let token = credentials.token.found.first().filter(|_| live(Kind::Token));
    if token.is_some_and(|token| token.text.trim_start().to_ascii_lowercase().starts_with("bearer ")) {
        lints.push(Lint::fault(
            "bearer-doubled",
            "ANTHROPIC_AUTH_TOKEN holds the word Bearer, which Claude Code adds once more",
        ));
    }
    if credentials.login.as_ref().is_some_and(|login| login.expired) && live(Kind::Login) {
        lints.push(Lint::note(
            "login-expired",
            "the login has expired; Claude Code renews it before the first request, and sends the old one if that fails",
        ));
    }
    lints
}

fn who_pays(credentials: &Credentials, rows: &[Row], mode: Mode) -> Vec<Lint> {
    let Some(first) = rows.iter().find(|row| row.is_live()).map(|row| row.kind) else { return Vec::new() };
    let login = credentials.login.as_ref().filter(|login| login.inference);
    let plan = login.and_then(|login| login.plan.as_deref()).unwrap_or("claude.ai");
    let metered = matches!(first, Kind::Key | Kind::Keychain | Kind::Primary);
    let has_key = credentials.key.found.first().is_some_and(|found| !found.is_blank());
    match first {
        _ if metered && login.is_some() => vec![Lint::warn(
            "key-outranks-login",
            format!("the metered API key pays, although a login ({plan}) is stored"),
        )],
        Kind::Login | Kind::Oauth if has_key && mode == Mode::Interactive => vec![Lint::warn(
            "login-outranks-key",
            format!("the login ({plan}) pays: ANTHROPIC_API_KEY is set and was not approved in a session"),
        )],
        Kind::Login => vec![Lint::note("who-pays", format!("the login ({plan}) pays"))],
        Kind::Token | Kind::Helper if login.is_some() => vec![Lint::warn(
            "key-outranks-login",
            format!("a token or helper decides who pays, although a login ({plan}) is stored"),
        )],
        _ if metered => vec![Lint::note("who-pays", "the metered API key pays")],
        _ => Vec::new(),
    }
}

fn two_keys(live: &impl Fn(Kind) -> bool) -> Option<Lint> {
    let keys = [Kind::Key, Kind::KeyDescriptor, Kind::Helper, Kind::Keychain, Kind::Primary];
    let with_token = live(Kind::Token) && keys.into_iter().any(live);
    let with_helper = live(Kind::Helper) && live(Kind::Key);
    let message =
        "two different credentials are sent in the same request; which one is used is up to the server";
    (with_token || with_helper).then(|| Lint::warn("two-credentials", message))
}

fn of_base(world: &dyn World, base: &Found) -> Option<Lint> {
    let host = common::host_of(&base.text);
    let own = common::is_within(&host, "anthropic.com");
    (!own).then(|| common::foreign_base("Claude Code", &base.text, &base.place.show(world.home())))
}

fn doubled_path(base_url: &str) -> Option<Lint> {
    let message = "ANTHROPIC_BASE_URL ends in /v1, so that requests go to /v1/v1/messages";
    base_url.trim_end_matches('/').ends_with("/v1").then(|| Lint::fault("base-url-path", message))
}

fn empty_hides(world: &dyn World, settings: &Settings) -> Vec<Lint> {
    let names = ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"];
    let hides = |name: &&str| {
        let places = settings.variable(world, name);
        places.first().is_some_and(Found::is_blank) && places.iter().any(|one| !one.is_blank())
    };
    let lint = |name: &str| {
        Lint::warn("empty-hides", format!("a blank {name} in a settings file hides the one in the shell"))
    };
    names.iter().filter(|name| hides(name)).map(|name| lint(name)).collect()
}

/// A project's settings file that decides key, address or helper.
fn project(world: &dyn World, settings: &Settings, credentials: &Credentials) -> Vec<Lint> {
    let names =
        ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "ANTHROPIC_CUSTOM_HEADERS"];
    let set = names.iter().filter(|name| settings.effective(world, name).is_some_and(|found| found.project));
    let mut lints: Vec<Lint> = set
        .map(|name| {
            Lint::warn("project-decides", format!("this project's settings set {name}, in this folder only"))
        })
        .collect();
    if credentials.helper().is_some_and(|helper| helper.project) {
        let message =
            "this project's apiKeyHelper is run, in print mode even where the folder was never trusted";
        lints.push(Lint::warn("project-decides", message));
    }
    lints
}
