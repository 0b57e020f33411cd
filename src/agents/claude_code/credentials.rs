//! Every credential that Claude Code could send, wherever it is.

use serde_json::Value as Json;

use crate::agents::common::{self, Doc, Prints};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};
use crate::world::{KeyringState, Os, World};

use super::profile::Profile;
use super::settings::{Found, Settings, TAIL, Whose};

/// A setting `apiKeyHelper`.
pub struct Helper {
    /// The place of the setting.
    pub place: Place,
    /// The command line.
    pub command: String,
    /// A project's file sets it.
    pub project: bool,
    /// What it prints, where that can be told without running it.
    pub prints: Prints,
}

/// A stored claude.ai login.
pub struct Login {
    /// The place of the token.
    pub place: Place,
    /// The kind of place.
    pub source: Source,
    /// The token.
    pub value: Value,
    /// It may be used for the model.
    pub inference: bool,
    /// It has expired, and can be renewed.
    pub expired: bool,
    /// `max`, `pro`, `team`, `enterprise`.
    pub plan: Option<String>,
}

/// A variable: its places, strongest first, and those in files that are ignored as a whole, with the reason.
pub struct Variable {
    /// The places; the first one decides.
    pub found: Vec<Found>,
    /// The places that are not looked at.
    pub unused: Vec<(Found, String)>,
}

/// Everything found.
pub struct Credentials {
    /// `ANTHROPIC_AUTH_TOKEN`.
    pub token: Variable,
    /// `ANTHROPIC_API_KEY`.
    pub key: Variable,
    /// `CLAUDE_CODE_OAUTH_TOKEN`.
    pub oauth: Variable,
    /// `ANTHROPIC_CUSTOM_HEADERS`.
    pub headers: Vec<Found>,
    /// Variables that hand over a key or token through a file descriptor.
    pub descriptors: [Option<Found>; 2],
    /// `apiKeyHelper`, strongest place first.
    pub helpers: Vec<Helper>,
    /// `.credentials.json`.
    pub file: Doc,
    /// The stored login.
    pub login: Option<Login>,
    /// The file of the login, where it is there and its token is an empty text.
    pub emptied: Option<Place>,
    /// The key of a Console login in the macOS Keychain.
    pub keychain: Option<(Place, Value)>,
    /// The key of a Console login in `.claude.json`.
    pub primary: Option<(Place, Value)>,
    /// The shared profile.
    pub profile: Profile,
    /// The variables of a workload identity are all set.
    pub federation: bool,
    /// The ends of keys that the person has approved, as a list in `.claude.json`.
    approved: Vec<Secret>,
    /// The ends of keys that the person has rejected.
    rejected: Vec<Secret>,
}

impl Credentials {
    /// Reads them all.
    pub fn read(world: &dyn World, settings: &Settings) -> Self {
        let variable =
            |name: &str| Variable { found: settings.variable(world, name), unused: settings.unused(name) };
        let state = &settings.state;
        let file = Doc::json(world, settings.folder.join(".credentials.json"));
        let primary = state.text(&["primaryApiKey"]).filter(|key| !key.is_empty());
        Self {
            token: variable("ANTHROPIC_AUTH_TOKEN"),
            key: variable("ANTHROPIC_API_KEY"),
            oauth: variable("CLAUDE_CODE_OAUTH_TOKEN"),
            headers: settings.variable(world, "ANTHROPIC_CUSTOM_HEADERS"),
            descriptors: ["CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR", "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR"]
                .map(|name| settings.effective(world, name)),
            helpers: helpers(world, settings),
            login: login(world, settings, &file),
            emptied: emptied(&file),
            file,
            keychain: keychain(world, settings),
            primary: primary.map(|key| (state.place(&["primaryApiKey"]), Value::of(Some(key)))),
            profile: Profile::read(world, settings),
            federation: federation(world, settings),
            approved: settings.answers("approved"),
            rejected: settings.answers("rejected"),
        }
    }

    /// The helper that is run: the strongest one that is not empty.
    pub fn helper(&self) -> Option<&Helper> {
        self.helpers.first()
    }

    /// Whether the person has approved `key` for sessions in a terminal.
    pub fn is_approved(&self, key: &str) -> bool {
        self.approved.contains(&Secret::new(key).tail(TAIL))
    }

    /// Whether the person has rejected `key`.
    pub fn is_rejected(&self, key: &str) -> bool {
        self.rejected.contains(&Secret::new(key).tail(TAIL))
    }
}

fn helpers(world: &dyn World, settings: &Settings) -> Vec<Helper> {
    let set = || settings.tiers.iter().filter_map(|tier| Some((tier, tier.doc.text(&["apiKeyHelper"])?)));
    // An empty text takes the weaker ones away; a blank one is run, and prints nothing.
    if set().next().is_some_and(|(_, command)| command.is_empty()) {
        return Vec::new();
    }
    let helpers = set().filter(|(_, command)| !command.is_empty()).map(|(tier, command)| Helper {
        place: Place::Command {
            from: tier.doc.place(&["apiKeyHelper"]).show(world.home()),
            command: common::shown_command(command),
        },
        command: common::shown_command(command),
        project: tier.whose == Whose::Project,
        prints: common::prints_shell(world, &|name| settings.passed_on(world, name), command),
    });
    helpers.collect()
}

fn federation(world: &dyn World, settings: &Settings) -> bool {
    let set = |name: &str| settings.effective(world, name).is_some();
    set("ANTHROPIC_FEDERATION_RULE_ID")
        && set("ANTHROPIC_ORGANIZATION_ID")
        && (set("ANTHROPIC_IDENTITY_TOKEN") || set("ANTHROPIC_IDENTITY_TOKEN_FILE"))
}

/// The name of a Keychain entry: a moved configuration folder adds the beginning of its hash.
fn keychain_service(settings: &Settings, name: &str) -> String {
    match settings.moved() {
        Some(folder) => format!("{name}-{}", Secret::new(folder).sha256_hex(8)),
        None => name.to_owned(),
    }
}

fn keychain_user(world: &dyn World) -> String {
    let plain = |user: &&str| user.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    world.var_nonempty("USER").filter(plain).unwrap_or("claude-code-user").to_owned()
}

fn keychain(world: &dyn World, settings: &Settings) -> Option<(Place, Value)> {
    if world.os() != Os::Macos {
        return None;
    }
    let (service, user) = (keychain_service(settings, "Claude Code"), keychain_user(world));
    let value = match world.keyring(&service, &user) {
        KeyringState::Present(key) => Value::Present(key),
        KeyringState::Locked | KeyringState::TimedOut => Value::Sealed,
        KeyringState::Missing | KeyringState::Absent(_) => return None,
    };
    Some((Place::Keyring { service, user }, value))
}

fn login(world: &dyn World, settings: &Settings, file: &Doc) -> Option<Login> {
    if world.os() == Os::Macos {
        let (service, user) = (keychain_service(settings, "Claude Code-credentials"), keychain_user(world));
        match world.keyring(&service, &user) {
            KeyringState::Present(text) => {
                return login_in(world, &Doc::in_keyring(&service, &user, &text), Source::Keyring);
            }
            KeyringState::Locked | KeyringState::TimedOut => return Some(sealed_login(service, user)),
            KeyringState::Missing | KeyringState::Absent(_) => {}
        }
    }
    login_in(world, file, Source::Oauth)
}

/// The login's file with an empty token in it: two programs that renewed the login at once leave that behind.
fn emptied(doc: &Doc) -> Option<Place> {
    let steps = ["claudeAiOauth", "accessToken"];
    (doc.text(&steps) == Some("")).then(|| doc.place(&steps))
}

/// A login in a locked Keychain.
fn sealed_login(service: String, user: String) -> Login {
    let place = Place::Keyring { service, user };
    Login {
        place,
        source: Source::Keyring,
        value: Value::Sealed,
        inference: true,
        expired: false,
        plan: None,
    }
}

fn login_in(world: &dyn World, doc: &Doc, source: Source) -> Option<Login> {
    let token = doc.text(&["claudeAiOauth", "accessToken"]).filter(|token| !token.is_empty())?;
    let scopes = doc.at(&["claudeAiOauth", "scopes"]).and_then(Json::as_array);
    let inference = scopes.into_iter().flatten().any(|scope| scope == "user:inference");
    let expires = doc.at(&["claudeAiOauth", "expiresAt"]).and_then(Json::as_i64);
    Some(Login {
        place: doc.place(&["claudeAiOauth", "accessToken"]),
        source,
        value: Value::of(Some(token)),
        inference,
        expired: expires.is_some_and(|at| at < world.now_ms()),
        plan: doc.text(&["claudeAiOauth", "subscriptionType"]).map(common::printable),
    })
}
