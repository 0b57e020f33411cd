//! Which credentials leave in one mode, and what becomes of the others.
//!
//! The order is Claude Code's own: outside of a pure login the key goes into `x-api-key` and a token or the helper's
//! output as bearer, in the same request (recordings cc-01 to cc-58).

use crate::agents::Context;
use crate::agents::common::{self, Prints};
use crate::resolve::{Chain, Header, Mode, Offer, Outcome, Sent, Slot, State};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};

use super::credentials::Credentials;
use super::lints;
use super::profile::Gives;
use super::settings::{Found, Settings};

/// The kinds of credentials in the order in which they decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `ANTHROPIC_AUTH_TOKEN`.
    Token,
    /// An `X-Api-Key` in `ANTHROPIC_CUSTOM_HEADERS`.
    CustomKey,
    /// `ANTHROPIC_API_KEY`.
    Key,
    /// A key from a file descriptor.
    KeyDescriptor,
    /// `apiKeyHelper`.
    Helper,
    /// A profile that `ANTHROPIC_PROFILE` names.
    NamedProfile,
    /// `CLAUDE_CODE_OAUTH_TOKEN`.
    Oauth,
    /// A token from a file descriptor.
    OauthDescriptor,
    /// The stored login.
    Login,
    /// A Console key in the Keychain.
    Keychain,
    /// A Console key in `.claude.json`.
    Primary,
    /// The default profile.
    Profile,
    /// A workload identity.
    Federation,
}

/// One candidate of the slot; `known` is its text as sent, where it can be told.
pub struct Row {
    /// Its kind.
    pub kind: Kind,
    /// It is the one of its kind that Claude Code sees, and it is used.
    pub live: bool,
    known: Known,
    offer: Offer,
}

/// What a candidate gives.
#[derive(Clone)]
enum Known {
    Text(Secret),
    Hidden(String),
    Unrecorded(String),
    Hangs(String),
}

/// What leaves: the main credential, the other one of the same request.
struct Leaves {
    main: (Kind, Header),
    also: Option<(Kind, Header)>,
}

/// The first-party slot in one mode.
pub fn slot(context: &Context<'_>, settings: &Settings, credentials: &Credentials, mode: Mode) -> Slot {
    let world = context.world;
    let rows = rows(credentials, mode);
    let leaves = leaves(&rows);
    let base = settings.effective(world, "ANTHROPIC_BASE_URL");
    let base_url = base.as_ref().map_or_else(|| super::BASE_URL.to_owned(), |found| found.text.clone());
    let outcome = if settings.server_decides(world) {
        let reason = "your organisation's server sets a credential or an address; its rank is not on record";
        Outcome::NotKnown { reason: reason.to_owned() }
    } else {
        outcome(&rows, leaves.as_ref(), credentials, &base_url)
    };
    let lints = lints::of_slot(world, settings, credentials, &rows, base.as_ref(), mode);
    let positions: Vec<(Kind, bool)> = rows.iter().map(|row| (row.kind, row.live)).collect();
    let mut chain = Chain::new();
    for row in rows {
        chain.push(row.offer);
    }
    let mut settled = chain.settle();
    if let Some((kind, header)) = leaves.and_then(|leaves| leaves.also) {
        let at = positions.iter().position(|(other, live)| *other == kind && *live);
        if let Some(candidate) = at.and_then(|at| settled.candidates.get_mut(at)) {
            candidate.state = State::Active { reason: format!("leaves in the same request, as {header}") };
        }
    }
    Slot {
        agent: super::ID,
        profile: "default".to_owned(),
        mode: Some(mode),
        provider: Some("anthropic".to_owned()),
        agent_provider: "anthropic".to_owned(),
        in_use: true,
        active: settled.active,
        candidates: settled.candidates,
        outcome,
        lints,
    }
}

/// What leaves, from the kinds that are live.
fn leaves(rows: &[Row]) -> Option<Leaves> {
    let live = |kind: Kind| rows.iter().any(|row| row.live && row.kind == kind).then_some(kind);
    let api_key = || Header::raw("x-api-key");
    let own_key = live(Kind::CustomKey).or(live(Kind::Key)).or(live(Kind::KeyDescriptor));
    let any_key = own_key.or(live(Kind::Helper)).or(live(Kind::Keychain)).or(live(Kind::Primary));
    let one = |kind, header| Some(Leaves { main: (kind, header), also: None });
    if live(Kind::Token).is_some() {
        let also = any_key.map(|kind| (kind, api_key()));
        return Some(Leaves { main: (Kind::Token, Header::Bearer), also });
    }
    if let Some(kind) = own_key {
        let also = live(Kind::Helper).map(|helper| (helper, Header::Bearer));
        return Some(Leaves { main: (kind, api_key()), also });
    }
    if live(Kind::Helper).is_some() {
        let also = Some((Kind::Helper, api_key()));
        return Some(Leaves { main: (Kind::Helper, Header::Bearer), also });
    }
    let first = rows.iter().find(|row| row.live)?.kind;
    match first {
        Kind::Keychain | Kind::Primary => one(first, api_key()),
        _ => one(first, Header::Bearer),
    }
}

fn outcome(rows: &[Row], leaves: Option<&Leaves>, credentials: &Credentials, base_url: &str) -> Outcome {
    let Some(leaves) = leaves else {
        return Outcome::Nothing { reason: "Not logged in · Please run /login".to_owned() };
    };
    if let Some(reason) = unclear(rows, leaves, credentials) {
        return Outcome::NotKnown { reason };
    }
    let mut sent = Vec::new();
    for (kind, header) in [Some(&leaves.main), leaves.also.as_ref()].into_iter().flatten() {
        match text_of(rows, *kind, header) {
            Ok(key) => sent.push(Sent { header: header.clone(), key }),
            Err(outcome) => return outcome,
        }
    }
    sent.extend(custom_headers(credentials, &sent));
    let mut sent = sent.into_iter();
    match sent.next() {
        Some(first) => Outcome::Sends { sent: first, base_url: base_url.to_owned(), also: sent.collect() },
        None => Outcome::Nothing { reason: "no credential".to_owned() },
    }
}

/// Combinations that no recording covers.
fn unclear(rows: &[Row], leaves: &Leaves, credentials: &Credentials) -> Option<String> {
    let live = |kind: Kind| rows.iter().any(|row| row.live && row.kind == kind);
    let named_profile = leaves.main.0 == Kind::NamedProfile;
    let key_or_token = [Kind::Keychain, Kind::Primary, Kind::Oauth, Kind::OauthDescriptor];
    if named_profile && key_or_token.into_iter().any(live) {
        return Some(
            "what a named profile does beside a Console key or a login token is not on record".into(),
        );
    }
    let pure_login = leaves.main.0 > Kind::Helper;
    if pure_login
        && header_lines(credentials).iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"))
    {
        return Some("an Authorization in ANTHROPIC_CUSTOM_HEADERS beside a login is not on record".into());
    }
    None
}

/// The text of the live row of a kind, as it stands in `header`.
fn text_of(rows: &[Row], kind: Kind, header: &Header) -> Result<Secret, Outcome> {
    let known = rows.iter().find(|row| row.live && row.kind == kind).map(|row| row.known.clone());
    match known {
        Some(Known::Text(text)) => {
            if let Some(key) = common::fetch_text(&text, header) {
                return Ok(key);
            }
            let reason =
                "it holds characters that no header can carry; what Claude Code does then is not on record";
            Err(Outcome::NotKnown { reason: reason.to_owned() })
        }
        Some(Known::Hidden(reason)) => Err(Outcome::Hidden { reason }),
        Some(Known::Hangs(reason)) => Err(Outcome::Nothing { reason }),
        Some(Known::Unrecorded(reason)) => Err(Outcome::NotKnown { reason }),
        None => Err(Outcome::NotKnown { reason: "no credential of this kind".to_owned() }),
    }
}

/// The lines of `ANTHROPIC_CUSTOM_HEADERS`.
fn header_lines(credentials: &Credentials) -> Vec<(String, String)> {
    let text = credentials.headers.first().map_or("", |found| found.text.as_str());
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

/// Further credentials among the custom headers. An `Authorization` there loses against a bearer that is set anyway.
fn custom_headers(credentials: &Credentials, sent: &[Sent]) -> Vec<Sent> {
    let lines = header_lines(credentials);
    let extra = common::extra_headers(lines.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    extra
        .into_iter()
        .filter(|one| sent.iter().all(|other| other.header.name() != one.header.name()))
        .collect()
}

/// All candidates in the order in which they decide.
fn rows(credentials: &Credentials, mode: Mode) -> Vec<Row> {
    let mut rows = variable(Kind::Token, &credentials.token, "ANTHROPIC_AUTH_TOKEN is sent as bearer");
    rows.extend(custom_key(credentials));
    rows.extend(api_key(credentials, mode));
    rows.extend(descriptor(Kind::KeyDescriptor, credentials.descriptors[0].as_ref()));
    rows.extend(helpers(credentials));
    let profile = profile(credentials);
    let (named, default): (Vec<Row>, Vec<Row>) =
        profile.into_iter().partition(|row| row.kind == Kind::NamedProfile);
    rows.extend(named);
    rows.extend(variable(
        Kind::Oauth,
        &credentials.oauth,
        "a login token in the environment comes before a stored login",
    ));
    rows.extend(descriptor(Kind::OauthDescriptor, credentials.descriptors[1].as_ref()));
    rows.extend(login(credentials));
    rows.extend(credentials.keychain.iter().map(|(place, value)| {
        stored(Kind::Keychain, Source::Keyring, place, value, "the key of a Console login in the Keychain")
    }));
    rows.extend(credentials.primary.iter().map(|(place, value)| {
        stored(
            Kind::Primary,
            Source::AuthFile,
            place,
            value,
            "the key of a Console login; no stronger credential is set",
        )
    }));
    rows.extend(default);
    if credentials.federation {
        let place = Place::BuiltIn { what: "ANTHROPIC_IDENTITY_TOKEN".into() };
        let value = Value::Reference("workload identity".into());
        let why = "a workload identity is exchanged for a token";
        let offer = Offer::usable(Source::Env, place, value, why);
        rows.push(Row { kind: Kind::Federation, live: true, known: Known::Hidden(why.into()), offer });
    }
    rows
}

/// The places of one variable. The first one decides, and an empty one hides the rest.
fn variable(kind: Kind, found: &[Found], why: &str) -> Vec<Row> {
    let hidden = found.first().is_some_and(|first| first.text.is_empty());
    let rows = found.iter().enumerate().map(|(at, one)| {
        let (source, place, value) = (one.source, one.place.clone(), one.value());
        let offer = match (at, hidden) {
            (0, true) => Offer::ignored(source, place, value, "an empty value counts as none"),
            (_, true) => Offer::ignored(source, place, value, "hidden by an empty value in a settings file"),
            (0, _) => Offer::usable(source, place, value, why),
            _ => Offer::usable(source, place, value, why)
                .shadowed_because("a settings file sets the same variable, and that beats the shell"),
        };
        Row { kind, live: at == 0 && !hidden, known: Known::Text(Secret::new(&one.text)), offer }
    });
    rows.collect()
}

fn api_key(credentials: &Credentials, mode: Mode) -> Vec<Row> {
    let why = match mode {
        Mode::Headless => "print mode always takes ANTHROPIC_API_KEY",
        Mode::Interactive => "ANTHROPIC_API_KEY was approved for sessions in a terminal",
    };
    let mut rows = variable(Kind::Key, &credentials.key, why);
    let live = credentials.key.first().filter(|found| !found.text.is_empty());
    let (Some(found), Mode::Interactive) = (live, mode) else { return rows };
    if credentials.is_approved(&found.text) {
        return rows;
    }
    let why = if credentials.is_rejected(&found.text) {
        "this key was rejected for sessions in a terminal"
    } else {
        "not approved yet: a session in a terminal asks at start, and without a yes does not use it"
    };
    for (row, found) in rows.iter_mut().zip(&credentials.key) {
        row.live = false;
        row.offer = Offer::ignored(found.source, found.place.clone(), found.value(), why);
    }
    rows
}

/// An `X-Api-Key` among the custom headers replaces whatever key would stand in that header.
fn custom_key(credentials: &Credentials) -> Option<Row> {
    let found = credentials.headers.first()?;
    let (_, value) =
        header_lines(credentials).into_iter().find(|(name, _)| name.eq_ignore_ascii_case("x-api-key"))?;
    let key = Secret::new(value);
    let why = "an X-Api-Key in ANTHROPIC_CUSTOM_HEADERS replaces the key";
    let offer =
        Offer::usable(found.source, found.place.clone(), Value::Present(key.clone()), why).named("X-Api-Key");
    Some(Row { kind: Kind::CustomKey, live: true, known: Known::Text(key), offer })
}

fn descriptor(kind: Kind, found: Option<&Found>) -> Option<Row> {
    let found = found?;
    let why = "the program that starts Claude Code hands it over through a file descriptor";
    let value = Value::Reference(format!("file descriptor {}", common::printable(&found.text)));
    let offer = Offer::usable(found.source, found.place.clone(), value, why);
    Some(Row { kind, live: true, known: Known::Hidden(why.to_owned()), offer })
}

fn helpers(credentials: &Credentials) -> Vec<Row> {
    let rows = credentials.helpers.iter().enumerate().map(|(at, helper)| {
        let (value, known) = match &helper.prints {
            Prints::Text(text) => {
                let text = common::trimmed(text);
                (Value::Present(text.clone()), Known::Text(text))
            }
            // Recorded: blank values in both headers, and no other credential instead.
            Prints::Fails => (Value::Present(Secret::new("")), Known::Text(Secret::new(""))),
            Prints::Unknown => (
                Value::Reference(helper.command.clone()),
                Known::Hidden("apiKeyHelper prints it; keymend does not run helpers on a scan".to_owned()),
            ),
        };
        let offer =
            Offer::usable(Source::Helper, helper.place.clone(), value, "apiKeyHelper beats every login")
                .shadowed_because("a stronger settings file or variable decides");
        Row { kind: Kind::Helper, live: at == 0, known, offer }
    });
    rows.collect()
}

fn login(credentials: &Credentials) -> Option<Row> {
    let login = credentials.login.as_ref()?;
    let (place, value) = (login.place.clone(), login.value.clone());
    let known = match login.value.secret() {
        Some(token) => Known::Text(token.clone()),
        None => Known::Hidden("the login is in a locked Keychain".to_owned()),
    };
    let offer = if login.inference {
        Offer::usable(login.source, place, value, "the stored claude.ai login").named("claude.ai login")
    } else {
        let why = "the login lacks the scope user:inference";
        Offer::ignored(login.source, place, value, why).named("claude.ai login")
    };
    Some(Row { kind: Kind::Login, live: login.inference, known, offer })
}

fn stored(kind: Kind, source: Source, place: &Place, value: &Value, why: &str) -> Row {
    let known = match value.secret() {
        Some(key) => Known::Text(key.clone()),
        None => Known::Hidden("the key is in a locked Keychain".to_owned()),
    };
    let offer = Offer::usable(source, place.clone(), value.clone(), why);
    Row { kind, live: true, known, offer }
}

fn profile(credentials: &Credentials) -> Option<Row> {
    let profile = &credentials.profile;
    let kind = if profile.explicit { Kind::NamedProfile } else { Kind::Profile };
    let (value, known) = match &profile.gives {
        Gives::Nothing => return None,
        Gives::Token => (
            profile.value.clone(),
            Known::Text(profile.value.secret().cloned().unwrap_or_else(|| Secret::new(""))),
        ),
        Gives::Hangs(why) => (profile.value.clone(), Known::Hangs(why.clone())),
        Gives::Exchanged => {
            let why = "the profile's identity is exchanged for a token";
            (Value::Reference("oidc_federation".into()), Known::Hidden(why.into()))
        }
        Gives::NotKnown(why) => (profile.value.clone(), Known::Unrecorded(why.clone())),
    };
    let why = if profile.explicit {
        "ANTHROPIC_PROFILE names it, so that it beats the login"
    } else {
        "the Anthropic profile; nothing stronger is set"
    };
    let offer = Offer::usable(Source::Oauth, profile.place.clone(), value, why)
        .named(common::printable(&profile.name));
    Some(Row { kind, live: true, known, offer })
}
