//! Which credentials leave in one mode, and what becomes of the others.
//!
//! The order is Claude Code's own: outside of a pure login the key goes into `x-api-key` and a token or the helper's
//! output as bearer, in the same request (recordings cc-01 to cc-58).

use crate::agents::common::{self, Prints};
use crate::agents::engine::{Clash, OwnHeader, Question, Request, Unsendable, Without};
use crate::resolve::{Gives, Header, Mode, Offer, Outcome};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};

use super::credentials::{Credentials, Variable};
use super::settings::Found;
use super::{Claude, headers, lints, profile};

/// The kinds of credentials in the order in which they decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `ANTHROPIC_AUTH_TOKEN`.
    Token,
    /// `ANTHROPIC_API_KEY`.
    Key,
    /// A key from a file descriptor.
    KeyDescriptor,
    /// `apiKeyHelper`.
    Helper,
    /// `CLAUDE_CODE_OAUTH_TOKEN`.
    Oauth,
    /// A token from a file descriptor.
    OauthDescriptor,
    /// A profile that `ANTHROPIC_PROFILE` names.
    NamedProfile,
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
    /// A cloud's own token.
    CloudToken,
    /// A cloud's own key.
    CloudKey,
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

    /// The same row, not used.
    pub fn ignored(self, why: String) -> Self {
        let Offer { source, place, value, .. } = self.offer;
        row(self.kind, Offer::ignored(source, place, value, why))
    }

    /// The offer of it.
    pub fn into_offer(self) -> Offer {
        self.offer
    }
}

/// What there is for Anthropic in one mode.
pub fn ask(claude: &Claude<'_>, mode: Mode) -> Question {
    let Claude { world, settings, credentials, cloud } = claude;
    let rows = rows(credentials, mode);
    let base = settings.effective(*world, "ANTHROPIC_BASE_URL");
    let base_url = base.as_ref().map_or(super::BASE_URL, |found| found.text.trim());
    let unknown = settings
        .server_decides(*world)
        .then_some("your organisation's server sets a credential or an address; its rank is unknown");
    let own = own_headers(credentials, &rows);
    let stops = settings.stops(*world).or_else(|| headers::refused(credentials));
    let stops = stops.or_else(|| blank_alone(&rows, &own)).or_else(|| no_address(base.as_ref(), &rows, &own));
    let lints = lints::of_slot(claude, &rows, base.as_ref(), mode);
    let mut request =
        Request { library, also: also(&rows), own, ..Request::new(Header::Bearer, base_url, NOT_LOGGED_IN) };
    let credential = |own: &OwnHeader| own.is_named("x-api-key") || own.is_named("authorization");
    if request.own.iter().any(credential) {
        request.without = Without::Bare(NOT_LOGGED_IN.to_owned());
    }
    let mut offers: Vec<Offer> = rows.into_iter().map(|row| row.offer).collect();
    if base.is_some() {
        // The address of the environment beats that of a profile.
        for offer in &mut offers {
            offer.base_url = None;
        }
    }
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
        refusal: stops.map(Outcome::nothing).or_else(|| unknown.map(Outcome::unknown)),
        lints,
        ..Question::new("anthropic", offers, request)
    }
}

/// What Claude Code says without a credential.
const NOT_LOGGED_IN: &str = "Not logged in · Please run /login";

/// What Claude Code puts into a header. A text that no header can carry is refused before the request (2.1.329).
pub fn library(key: &Secret, header: &Header) -> Result<Secret, Unsendable> {
    let refused = "it holds a line break or a character that no header can carry, and Claude Code refuses it";
    common::fetch_text(key, header).ok_or_else(|| Unsendable::Faulty(refused.to_owned()))
}

/// The row that is sent beside the first one: a key beside a token, a helper's output beside a key, and that of a helper
/// alone in both headers.
fn also(rows: &[Row]) -> Option<(usize, Header)> {
    let at = |kind: Kind| rows.iter().position(|row| row.kind == kind && row.is_live());
    let first = |kinds: &[Kind]| kinds.iter().find_map(|kind| at(*kind));
    let own_key = first(&[Kind::Key, Kind::KeyDescriptor]);
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
        Kind::Key | Kind::KeyDescriptor | Kind::Keychain | Kind::Primary | Kind::CloudKey => {
            Header::raw("x-api-key")
        }
        _ => Header::Bearer,
    }
}

/// The first row that is used.
fn first(rows: &[Row]) -> Option<Kind> {
    rows.iter().find(|row| row.is_live()).map(|row| row.kind)
}

/// The custom headers that are credentials. An `X-Api-Key` takes the place of the key; an `Authorization` takes that of a
/// login, and is left out beside every other bearer (2.1.329, recordings cc-headers-*).
fn own_headers(credentials: &Credentials, rows: &[Row]) -> Vec<OwnHeader> {
    let login = matches!(first(rows), None | Some(Kind::Oauth | Kind::OauthDescriptor | Kind::Login));
    let clash = |name: &str| {
        let yields = name.eq_ignore_ascii_case("authorization") && !login;
        if yields { Clash::Yields } else { Clash::Replaces }
    };
    headers::all(credentials, clash)
}

/// A blank credential in the place of the only one, which Claude Code does not send.
fn blank_alone(rows: &[Row], own: &[OwnHeader]) -> Option<String> {
    let of_own = |name: &str| own.iter().find(|own| own.is_named(name)).map(OwnHeader::is_blank);
    let row = rows.iter().find(|row| row.is_live());
    let first = row.map(|row| row.kind);
    let login = matches!(first, Some(Kind::Oauth | Kind::OauthDescriptor | Kind::Login));
    let bearer = first.is_some_and(|kind| header_of(kind) == Header::Bearer)
        || rows.iter().any(|row| row.is_live() && row.kind == Kind::Helper);
    let stored = row.and_then(|row| match &row.offer.gives {
        Gives::Key(key) if !bearer => Some(!key.any_char(|c| !c.is_whitespace())),
        _ => None,
    });
    let key = of_own("x-api-key").or(stored);
    let token = of_own("authorization");
    let blank_key = key == Some(true) && !bearer && token != Some(false);
    let blank_token = token == Some(true) && (login || first.is_none()) && key != Some(false);
    let why = "a blank text is in the place of the credential, and Claude Code does not send that";
    (blank_key || blank_token).then(|| why.to_owned())
}

/// An address that is no URL ends the request before it is made.
fn no_address(base: Option<&Found>, rows: &[Row], own: &[OwnHeader]) -> Option<String> {
    let first = rows.iter().find(|row| row.is_live());
    if first.is_none() && own.is_empty() {
        return None;
    }
    let of_profile = first.and_then(|row| row.offer.base_url.as_deref());
    let text = base.map(|found| found.text.as_str()).or(of_profile)?;
    let place = base.map_or_else(|| "the profile's base_url".to_owned(), |found| found.place.show(None));
    (!headers::is_address(text)).then(|| format!("API Error: Invalid URL: {place} is no address"))
}

/// All candidates in the order in which they decide.
fn rows(credentials: &Credentials, mode: Mode) -> Vec<Row> {
    let mut rows = variable(Kind::Token, &credentials.token, "ANTHROPIC_AUTH_TOKEN is sent as bearer");
    rows.extend(api_key(credentials, mode));
    rows.extend(descriptor(Kind::KeyDescriptor, credentials.descriptors[0].as_ref()));
    rows.extend(helpers(credentials));
    rows.extend(variable(
        Kind::Oauth,
        &credentials.oauth,
        "a login token in the environment comes before a stored login",
    ));
    rows.extend(descriptor(Kind::OauthDescriptor, credentials.descriptors[1].as_ref()));
    let profile = profile(credentials);
    let console = console(credentials);
    if profile.as_ref().is_some_and(|row| row.kind == Kind::NamedProfile) {
        rows.extend(console);
        rows.extend(profile);
        rows.extend(login(credentials));
    } else {
        rows.extend(login(credentials));
        rows.extend(console);
        rows.extend(profile);
    }
    if credentials.federation {
        let place = Place::BuiltIn { what: "ANTHROPIC_IDENTITY_TOKEN".into() };
        let value = Value::Reference("workload identity".into());
        let why = "a workload identity is exchanged for a token";
        let offer = Offer::usable(Source::Env, place, value, why);
        rows.push(row(Kind::Federation, offer));
    }
    rows
}

/// The keys of a Console login.
fn console(credentials: &Credentials) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    rows.extend(credentials.keychain.iter().map(|(place, value)| {
        stored(Kind::Keychain, Source::Keyring, place, value, "the key of a Console login in the Keychain")
    }));
    rows.extend(credentials.primary.iter().map(|(place, value)| {
        let why = "the key of a Console login; no stronger credential is set";
        stored(Kind::Primary, Source::AuthFile, place, value, why)
    }));
    rows
}

/// The places of one variable. The first one decides, and a blank one hides the rest. A file that is ignored as a whole
/// is shown with the reason.
pub fn variable(kind: Kind, variable: &Variable, why: &str) -> Vec<Row> {
    let Variable { found, unused } = variable;
    let hidden = found.first().is_some_and(Found::is_blank);
    let rows = found.iter().enumerate().map(|(at, one)| {
        let (source, place, value) = (one.source, one.place.clone(), one.value());
        let offer = match (at, hidden) {
            (0, true) => Offer::ignored(source, place, value, "a blank value is treated as none"),
            (_, true) => Offer::ignored(source, place, value, "hidden by a blank value in a settings file"),
            // Claude Code trims a variable, so that a bearer has no blank before it.
            (0, _) => Offer::usable(source, place, value, why)
                .gives(Gives::Key(common::trimmed(&Secret::new(one.text.as_str())))),
            _ => Offer::usable(source, place, value, why)
                .shadowed_because("a settings file sets the same variable, and that beats the shell"),
        };
        row(kind, offer)
    });
    let unused = unused.iter().map(|(one, why)| {
        row(kind, Offer::ignored(one.source, one.place.clone(), one.value(), why.as_str()))
    });
    rows.chain(unused).collect()
}

fn api_key(credentials: &Credentials, mode: Mode) -> Vec<Row> {
    let why = match mode {
        Mode::Headless => "print mode always takes ANTHROPIC_API_KEY",
        Mode::Interactive => "ANTHROPIC_API_KEY was approved for sessions in a terminal",
    };
    let mut rows = variable(Kind::Key, &credentials.key, why);
    let live = credentials.key.found.first().filter(|found| !found.is_blank());
    let (Some(found), Mode::Interactive) = (live, mode) else { return rows };
    if credentials.is_approved(&found.text) {
        return rows;
    }
    let why = if credentials.is_rejected(&found.text) {
        "this key was rejected for sessions in a terminal"
    } else {
        "not approved yet: a session in a terminal asks at start, and without a yes does not use it"
    };
    for (row, found) in rows.iter_mut().zip(&credentials.key.found) {
        row.offer = Offer::ignored(found.source, found.place.clone(), found.value(), why);
    }
    rows
}

fn descriptor(kind: Kind, found: Option<&Found>) -> Option<Row> {
    let found = found?;
    let why = "the program that starts Claude Code hands it over through a file descriptor";
    let value = Value::Reference(format!("file descriptor {}", common::printable(&found.text)));
    let offer = Offer::usable(found.source, found.place.clone(), value, why);
    Some(row(kind, offer))
}

/// The helpers.
pub fn helpers(credentials: &Credentials) -> Vec<Row> {
    let rows = credentials.helpers.iter().map(|helper| {
        let value = match &helper.prints {
            Prints::Text(text) if is_one_word(text) => Value::Present(common::trimmed(text)),
            // Recorded: blank values in both headers, and no other credential instead; so, too, for an output that is no
            // key.
            Prints::Text(_) | Prints::Fails => Value::Present(Secret::new("")),
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

/// What Claude Code takes from a helper: one word of printable ASCII.
fn is_one_word(text: &Secret) -> bool {
    !common::trimmed(text).any_char(|c| !c.is_ascii_graphic())
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
        profile::Gives::Token(None) => usable(&profile.value),
        profile::Gives::Token(Some(base_url)) => usable(&profile.value).sent_to(base_url.as_str()),
        profile::Gives::Hangs(why) => usable(&profile.value).gives(Gives::Fails(why.clone())),
        profile::Gives::Exchanged => {
            let hidden = "the profile's identity is exchanged for a token";
            hidden_as(usable(&Value::Reference("oidc_federation".into())), hidden)
        }
        profile::Gives::NotKnown(why) => usable(&profile.value).gives(Gives::Unknown(why.clone())),
    };
    Some(row(kind, offer.named(common::printable(&profile.name))))
}
