//! Which credentials leave in one mode, and what becomes of the others.
//!
//! The order is Claude Code's own: outside of a pure login the key goes into `x-api-key` and a token or the helper's
//! output as bearer, in the same request (recordings cc-01 to cc-58).

use crate::agents::common::{self, Prints};
use crate::agents::engine::{self, Clash, OwnHeader, Question, Request, headers};
use crate::resolve::{Gives, Header, Mode, Offer, Outcome};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};

use super::credentials::Credentials;
use super::profile;
use super::settings::Found;
use super::{Claude, lints};

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

/// One candidate of the slot.
pub struct Row {
    /// Its kind.
    pub kind: Kind,
    offer: Offer,
}

impl Row {
    /// It is one that Claude Code uses.
    pub fn is_live(&self) -> bool {
        self.offer.gives.wins()
    }
}

/// What there is for Anthropic in one mode.
pub fn ask(claude: &Claude<'_>, mode: Mode) -> Question {
    let Claude { world, settings, credentials, cloud } = claude;
    let rows = rows(credentials, mode);
    let base = settings.effective(*world, "ANTHROPIC_BASE_URL");
    let base_url = base.as_ref().map_or(super::BASE_URL, |found| found.text.as_str());
    let unknown = if settings.server_decides(*world) {
        Some("your organisation's server sets a credential or an address; its rank is unknown")
    } else {
        unclear(&rows, credentials)
    };
    let lints = lints::of_slot(*world, settings, credentials, &rows, base.as_ref(), mode);
    let request = Request {
        library: |key, header| engine::fetch(key, header, "Claude Code"),
        also: also(&rows),
        own: custom_headers(credentials),
        ..Request::new(Header::Bearer, base_url, "Not logged in · Please run /login")
    };
    let mut offers: Vec<Offer> = rows.into_iter().map(|row| row.offer).collect();
    if let Some((at, header)) = &request.also
        && offers.iter().position(|offer| offer.gives.wins()) == Some(*at)
    {
        // One row in both headers says so; the weaker ones are told the rule.
        let rule =
            std::mem::replace(&mut offers[*at].why, format!("is sent in the same request, as {header}"));
        for offer in &mut offers {
            offer.shadow.get_or_insert_with(|| rule.clone());
        }
    }
    Question {
        mode: Some(mode),
        provider: Some("anthropic".to_owned()),
        in_use: cloud.is_none(),
        refusal: unknown.map(Outcome::unknown),
        lints,
        ..Question::new("anthropic", offers, request)
    }
}

/// The row that is sent beside the first one: a key beside a token, a helper's output beside a key, and that of a helper
/// alone in both headers.
fn also(rows: &[Row]) -> Option<(usize, Header)> {
    let at = |kind: Kind| rows.iter().position(|row| row.kind == kind && row.is_live());
    let first = |kinds: &[Kind]| kinds.iter().find_map(|kind| at(*kind));
    let own_key = first(&[Kind::CustomKey, Kind::Key, Kind::KeyDescriptor]);
    let in_api_key = |at: usize| (at, Header::raw("x-api-key"));
    if at(Kind::Token).is_some() {
        return own_key.or_else(|| first(&[Kind::Helper, Kind::Keychain, Kind::Primary])).map(in_api_key);
    }
    if own_key.is_some() {
        return at(Kind::Helper).map(|helper| (helper, Header::Bearer));
    }
    at(Kind::Helper).map(in_api_key)
}

/// The header of a kind where it is the first.
fn header_of(kind: Kind) -> Header {
    match kind {
        Kind::CustomKey | Kind::Key | Kind::KeyDescriptor | Kind::Keychain | Kind::Primary => {
            Header::raw("x-api-key")
        }
        _ => Header::Bearer,
    }
}

/// Combinations that no recording covers.
fn unclear(rows: &[Row], credentials: &Credentials) -> Option<&'static str> {
    let live = |kind: Kind| rows.iter().any(|row| row.is_live() && row.kind == kind);
    let first = rows.iter().find(|row| row.is_live())?.kind;
    let key_or_token = [Kind::Keychain, Kind::Primary, Kind::Oauth, Kind::OauthDescriptor];
    if first == Kind::NamedProfile && key_or_token.into_iter().any(live) {
        return Some("what a named profile does beside a Console key or a login token is unknown");
    }
    let named = |(name, _): &(&str, &str)| name.eq_ignore_ascii_case("authorization");
    let unclear = first > Kind::Helper && header_lines(credentials).any(|line| named(&line));
    unclear.then_some("an Authorization in ANTHROPIC_CUSTOM_HEADERS beside a login is unknown")
}

/// The lines of `ANTHROPIC_CUSTOM_HEADERS`.
fn header_lines(credentials: &Credentials) -> impl Iterator<Item = (&str, &str)> {
    let text = credentials.headers.first().map_or("", |found| found.text.as_str());
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.map(|(name, value)| (name.trim(), value.trim()))
}

/// Further credentials among the custom headers. An `Authorization` there loses against a bearer that is set anyway.
fn custom_headers(credentials: &Credentials) -> Vec<OwnHeader> {
    headers::all(header_lines(credentials), Clash::Yields)
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
        rows.push(row(Kind::Federation, offer));
    }
    rows
}

/// The places of one variable. The first one decides, and an empty one hides the rest.
fn variable(kind: Kind, found: &[Found], why: &str) -> Vec<Row> {
    let hidden = found.first().is_some_and(|first| first.text.is_empty());
    let rows = found.iter().enumerate().map(|(at, one)| {
        let (source, place, value) = (one.source, one.place.clone(), one.value());
        let offer = match (at, hidden) {
            (0, true) => Offer::ignored(source, place, value, "an empty value is treated as none"),
            (_, true) => Offer::ignored(source, place, value, "hidden by an empty value in a settings file"),
            (0, _) => Offer::usable(source, place, value, why),
            _ => Offer::usable(source, place, value, why)
                .shadowed_because("a settings file sets the same variable, and that beats the shell"),
        };
        row(kind, offer)
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
        row.offer = Offer::ignored(found.source, found.place.clone(), found.value(), why);
    }
    rows
}

/// An `X-Api-Key` among the custom headers replaces whatever key would be in that header.
fn custom_key(credentials: &Credentials) -> Option<Row> {
    let found = credentials.headers.first()?;
    let (_, value) = header_lines(credentials).find(|(name, _)| name.eq_ignore_ascii_case("x-api-key"))?;
    let why = "an X-Api-Key in ANTHROPIC_CUSTOM_HEADERS replaces the key";
    let offer = Offer::usable(found.source, found.place.clone(), Value::of(Some(value)), why);
    Some(row(Kind::CustomKey, offer.named("X-Api-Key")))
}

fn descriptor(kind: Kind, found: Option<&Found>) -> Option<Row> {
    let found = found?;
    let why = "the program that starts Claude Code hands it over through a file descriptor";
    let value = Value::Reference(format!("file descriptor {}", common::printable(&found.text)));
    let offer = Offer::usable(found.source, found.place.clone(), value, why);
    Some(row(kind, offer))
}

fn helpers(credentials: &Credentials) -> Vec<Row> {
    let rows = credentials.helpers.iter().map(|helper| {
        let value = match &helper.prints {
            Prints::Text(text) => Value::Present(common::trimmed(text)),
            // Recorded: blank values in both headers, and no other credential instead.
            Prints::Fails => Value::Present(Secret::new("")),
            Prints::Unknown => Value::Reference(helper.command.clone()),
        };
        let hidden = "apiKeyHelper prints it; keymend does not run helpers on a scan";
        let offer =
            Offer::usable(Source::Helper, helper.place.clone(), value, "apiKeyHelper beats every login")
                .shadowed_because("a stronger settings file or variable decides");
        row(Kind::Helper, hidden_as(offer, hidden))
    });
    rows.collect()
}

fn row(kind: Kind, offer: Offer) -> Row {
    Row { kind, offer: offer.in_header(header_of(kind)) }
}

/// Says who has the text of an offer, where somebody else has it.
fn hidden_as(offer: Offer, why: &str) -> Offer {
    if matches!(offer.gives, Gives::Hidden(_)) { offer.gives(Gives::Hidden(why.to_owned())) } else { offer }
}

fn login(credentials: &Credentials) -> Option<Row> {
    let login = credentials.login.as_ref()?;
    let (place, value) = (login.place.clone(), login.value.clone());
    let offer = if login.inference {
        let offer = Offer::usable(login.source, place, value, "the stored claude.ai login");
        hidden_as(offer, "the login is in a locked Keychain")
    } else {
        Offer::ignored(login.source, place, value, "the login lacks the scope user:inference")
    };
    Some(row(Kind::Login, offer.named("claude.ai login")))
}

fn stored(kind: Kind, source: Source, place: &Place, value: &Value, why: &str) -> Row {
    let offer = Offer::usable(source, place.clone(), value.clone(), why);
    row(kind, hidden_as(offer, "the key is in a locked Keychain"))
}

fn profile(credentials: &Credentials) -> Option<Row> {
    let profile = &credentials.profile;
    let (kind, why) = if profile.explicit {
        (Kind::NamedProfile, "ANTHROPIC_PROFILE names it, so that it beats the login")
    } else {
        (Kind::Profile, "the Anthropic profile; nothing stronger is set")
    };
    let usable = |value: &Value| Offer::usable(Source::Oauth, profile.place.clone(), value.clone(), why);
    let offer = match &profile.gives {
        profile::Gives::Nothing => return None,
        profile::Gives::Token => usable(&profile.value),
        profile::Gives::Hangs(why) => usable(&profile.value).gives(Gives::Fails(why.clone())),
        profile::Gives::Exchanged => {
            let hidden = "the profile's identity is exchanged for a token";
            hidden_as(usable(&Value::Reference("oidc_federation".into())), hidden)
        }
        profile::Gives::NotKnown(why) => usable(&profile.value).gives(Gives::Unknown(why.clone())),
    };
    Some(row(kind, offer.named(common::printable(&profile.name))))
}
