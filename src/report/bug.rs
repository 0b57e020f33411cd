//! `keymend report`: what a bug tracker needs to know about this machine, and nothing that names the person. No key, no home
//! folder, no name of the user or the host, and no address of a private server unless it is asked for.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;

use super::{SCHEMA, Style, plain};
use crate::finding::Lint;
use crate::probe::course;
use crate::probe::is_loopback;
use crate::provider::{Catalogue, authority};
use crate::resolve::{Candidate, Outcome, Slot, State};
use crate::session::{Scan, SlotRef};
use crate::world::Machine;

/// The evidence of a test that names an account.
const PERSONAL: [&str; 1] = ["account"];

/// What the report is made of, beside the scan.
#[derive(Clone, Copy)]
pub struct About<'a> {
    /// Which connections.
    pub chosen: &'a [SlotRef],
    /// The tests that were run, by connection.
    pub tested: &'a [(SlotRef, &'a course::Report)],
    /// What keymend wrote last, newest first: when and what.
    pub history: &'a [(i64, String)],
    /// The names of user and host.
    pub machine: Option<&'a Machine>,
    /// Whether addresses of private servers are shown.
    pub addresses: bool,
    /// Operating system and processor.
    pub system: &'a str,
}

/// The report.
#[derive(Debug, Serialize)]
pub struct Bug {
    schema: u32,
    keymend: &'static str,
    system: String,
    agents: Vec<AgentPart>,
    connections: Vec<Connection>,
    history: Vec<Written>,
}

#[derive(Debug, Serialize)]
struct AgentPart {
    id: &'static str,
    version: Option<String>,
    rules: String,
    findings: Vec<Found>,
    unreadable: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Connection {
    agent: &'static str,
    profile: String,
    mode: Option<&'static str>,
    provider: Option<String>,
    agent_provider: String,
    in_use: bool,
    outcome: &'static str,
    key: Option<String>,
    header: Option<String>,
    address: Option<String>,
    reason: Option<String>,
    sources: Vec<SourcePart>,
    findings: Vec<Found>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<Test>,
}

#[derive(Debug, Serialize)]
struct SourcePart {
    n: usize,
    source: &'static str,
    place: String,
    name: Option<String>,
    key: Option<String>,
    letter: Option<String>,
    state: &'static str,
    reason: String,
}

#[derive(Debug, Serialize)]
struct Found {
    id: &'static str,
    severity: &'static str,
}

#[derive(Debug, Serialize)]
struct Test {
    verdict: &'static str,
    status: Option<u16>,
    reason: String,
    evidence: Vec<(String, String)>,
}

#[derive(Debug, Serialize)]
struct Written {
    when: String,
    what: String,
}

/// Builds the report.
#[must_use]
pub fn bug(scan: &Scan, about: About<'_>, style: Style<'_>) -> Bug {
    let scrub = Scrub::new(scan, about, style);
    let connection = |at: &SlotRef| {
        let test = about.tested.iter().find(|(of, _)| of == at).map(|(_, report)| *report);
        Some(scrub.connection(scan.slot(*at)?, test, scan))
    };
    let agents = scan.agents.iter().enumerate();
    let agents =
        agents.filter(|(at, _)| about.chosen.iter().any(|slot| slot.agent == *at)).map(|(_, scanned)| {
            let found = &scanned.findings;
            AgentPart {
                id: scanned.agent.id,
                version: found.version.as_deref().map(|text| scrub.clean(text)),
                rules: scrub.clean(&found.rules),
                findings: findings(found.lints.iter()),
                unreadable: found
                    .troubles
                    .iter()
                    .map(|(path, trouble)| scrub.clean(&format!("{}: {trouble}", path.display())))
                    .collect(),
            }
        });
    Bug {
        schema: SCHEMA,
        keymend: env!("CARGO_PKG_VERSION"),
        system: scrub.clean(about.system),
        agents: agents.collect(),
        connections: about.chosen.iter().filter_map(connection).collect(),
        history: about.history.iter().map(|(at, title)| scrub.written(*at, title)).collect(),
    }
}

fn findings<'a>(lints: impl Iterator<Item = &'a Lint>) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for lint in lints {
        if !found.iter().any(|other| other.id == lint.id) {
            found.push(Found { id: lint.id, severity: lint.severity.id() });
        }
    }
    found
}

/// Folders of people.
static HOMES: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(/home/|/Users/|[A-Za-z]:\\Users\\)[^/\\\s:]+").ok());
/// Mail addresses.
static MAIL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+").ok());
/// Addresses: the scheme, the rest up to the path.
static URL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"([a-z][a-z0-9+.-]*://)([^/\s"'`,;)?#]+)[^\s"'`,;)]*"#).ok());

/// Takes out of a text what names the person or a private server.
struct Scrub<'a> {
    style: Style<'a>,
    home: Option<String>,
    /// Names as words: user and host.
    names: Vec<(String, &'static str)>,
    /// Hosts that are none of a provider.
    private: Vec<String>,
    addresses: bool,
}

/// Shown in place of a private server's name.
const PRIVATE: &str = "private-host";

impl<'a> Scrub<'a> {
    fn new(scan: &Scan, about: About<'_>, style: Style<'a>) -> Self {
        let mut names = Vec::new();
        if let Some(machine) = about.machine {
            let short = machine.host.split('.').next().unwrap_or_default();
            for (name, word) in
                [(machine.host.as_str(), "HOST"), (short, "HOST"), (machine.user.as_str(), "USER")]
            {
                names.push((name.to_owned(), word));
            }
        }
        let home = style.home.map(|home| home.display().to_string());
        let last = style.home.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        names.extend(last.map(|name| (name, "USER")));
        // A name of two letters is a part of every text, and `root` says nothing.
        names.retain(|(name, _)| {
            name.len() >= 3 && !matches!(name.as_str(), "root" | "home" | "localhost" | "user")
        });
        let hosts = scan.slots().filter_map(|(_, _, slot)| match &slot.outcome {
            Outcome::Sends { base_url, .. } => authority(base_url),
            _ => None,
        });
        let foreign = |host: &&str| !host.is_empty() && !is_public(host, style.catalogue);
        let mut private: Vec<String> = hosts
            .filter(foreign)
            .flat_map(|host| {
                let bare = host.split(':').next().unwrap_or(host);
                [host.to_owned(), bare.to_owned()]
            })
            .collect();
        private.sort_by_key(|host| std::cmp::Reverse(host.len()));
        private.dedup();
        Self { style, home, names, private, addresses: about.addresses }
    }

    /// The text without names. Keys are masked first, so that none is broken up before it is known.
    fn clean(&self, text: &str) -> String {
        let mut text = plain(text);
        if let Some(home) = self.home.as_deref().filter(|home| home.len() > 1) {
            text = text.replace(home, "~");
        }
        for (form, with) in [(&*HOMES, "${1}USER"), (&*MAIL, "MAIL")] {
            if let Some(form) = form {
                text = form.replace_all(&text, with).into_owned();
            }
        }
        text = self.without_hosts(&text);
        for (name, word) in &self.names {
            text = replace_word(&text, name, word);
        }
        text
    }

    /// Hosts of addresses in a text that no provider has.
    fn without_hosts(&self, text: &str) -> String {
        if self.addresses {
            return text.to_owned();
        }
        let mut text = match &*URL {
            Some(form) => form
                .replace_all(text, |found: &regex::Captures<'_>| {
                    let host = found[2].rsplit('@').next().unwrap_or_default().to_owned();
                    if is_public(&host, self.style.catalogue) || is_page(&host, self.style.catalogue) {
                        found[0].to_owned()
                    } else {
                        format!("{}{}", &found[1], hidden(&host))
                    }
                })
                .into_owned(),
            None => text.to_owned(),
        };
        for host in self.private.iter().filter(|host| !is_loopback(host)) {
            text = replace_word(&text, host, PRIVATE);
        }
        text
    }

    /// Where a connection sends: scheme and host.
    fn address(&self, base_url: &str) -> String {
        let (scheme, host) =
            (base_url.split_once("://").map_or("", |(scheme, _)| scheme), authority(base_url));
        match host {
            Some(host) if self.addresses || is_public(host, self.style.catalogue) => {
                plain(&format!("{scheme}://{host}"))
            }
            Some(host) => format!("{scheme}://{}", hidden(host)),
            None => "unknown".to_owned(),
        }
    }

    fn connection(&self, slot: &Slot, test: Option<&course::Report>, scan: &Scan) -> Connection {
        let mask = |key| self.style.catalogue.mask(key).as_str().to_owned();
        let (outcome, reason) = match &slot.outcome {
            Outcome::Sends { .. } => ("sends", None),
            Outcome::Nothing { reason } => ("nothing", Some(reason)),
            Outcome::Hidden { reason } => ("hidden", Some(reason)),
            Outcome::NotKnown { reason } => ("not_known", Some(reason)),
        };
        let (header, address) = match &slot.outcome {
            Outcome::Sends { sent, base_url, .. } => (Some(sent.header.name()), Some(self.address(base_url))),
            _ => (None, None),
        };
        let lints = slot.lints.iter().chain(slot.candidates.iter().flat_map(|row| &row.lints));
        let rows = (1..).zip(&slot.candidates).filter(|(_, row)| row.state != State::Unset);
        Connection {
            agent: slot.agent,
            profile: self.clean(&slot.profile),
            mode: slot.mode.map(crate::resolve::Mode::id),
            provider: slot.provider.clone(),
            agent_provider: self.clean(&slot.agent_provider),
            in_use: slot.in_use,
            outcome,
            key: slot.sent().map(|sent| mask(&sent.key)),
            header,
            address,
            reason: reason.map(|text| self.clean(text)),
            sources: rows.map(|(n, row)| self.source(n, row, scan)).collect(),
            findings: findings(lints),
            test: test.map(|report| self.test(report)),
        }
    }

    fn source(&self, n: usize, row: &Candidate, scan: &Scan) -> SourcePart {
        let key = row.value.secret();
        SourcePart {
            n,
            source: row.source.id(),
            place: self.clean(&row.place.show(self.style.home)),
            name: row.name.as_deref().map(|name| self.clean(name)),
            key: key.map(|key| self.style.catalogue.mask(key).as_str().to_owned()),
            letter: key.and_then(|key| scan.tag(key)).map(|tag| tag.to_string()),
            state: row.state.id(),
            reason: self.clean(row.state.reason()),
        }
    }

    fn test(&self, report: &course::Report) -> Test {
        let verdict = &report.overall;
        let shown = verdict.evidence.iter().filter(|(name, _)| !PERSONAL.contains(&name.as_str()));
        let said = |(name, value): &(String, String)| {
            let host = name == "host" && !self.addresses && !is_public(value, self.style.catalogue);
            (name.clone(), if host { hidden(value).to_owned() } else { self.clean(value) })
        };
        Test {
            verdict: verdict.kind.id(),
            status: verdict.status,
            reason: self.clean(&verdict.reason),
            evidence: shown.map(said).collect(),
        }
    }

    fn written(&self, at_ms: i64, title: &str) -> Written {
        let when =
            jiff::Timestamp::from_millisecond(at_ms).map_or_else(|_| "?".to_owned(), |at| at.to_string());
        Written { when, what: self.clean(title) }
    }
}

/// Whether everybody may know this host: a provider's, and no resource of the person's own at one.
fn is_public(host: &str, catalogue: &Catalogue) -> bool {
    catalogue.all().iter().any(|provider| {
        provider.authorities().any(|own| own.eq_ignore_ascii_case(host.trim_end_matches(":443")))
    })
}

/// Whether it is the host of a page that keymend itself names.
fn is_page(host: &str, catalogue: &Catalogue) -> bool {
    let pages = catalogue
        .all()
        .iter()
        .flat_map(|own| std::iter::once(&own.console_url).chain(own.billing_url.as_ref()));
    pages.filter_map(|page| authority(page)).any(|page| page.eq_ignore_ascii_case(host))
}

fn hidden(host: &str) -> &'static str {
    if is_loopback(host) { "this-machine" } else { PRIVATE }
}

/// Replaces a name where it is a word of its own.
fn replace_word(text: &str, name: &str, with: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric();
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (at, found) in text.match_indices(name) {
        let before = text[..at].chars().next_back().is_some_and(is_part);
        let after = text[at + found.len()..].chars().next().is_some_and(is_part);
        if at >= from && !before && !after {
            out.push_str(&text[from..at]);
            out.push_str(with);
            from = at + found.len();
        }
    }
    out.push_str(&text[from..]);
    out
}

/// The report in Markdown, as a bug tracker takes it.
#[must_use]
pub fn markdown(bug: &Bug) -> String {
    let mut out = format!(
        "### keymend {}\n\n{}. Keys are masked; names of the person, the machine and private servers are left out.\n",
        bug.keymend, bug.system
    );
    for agent in &bug.agents {
        let version = agent.version.as_deref().map_or(String::new(), |version| format!(" {version}"));
        let _ = write!(out, "\n#### {}{version}\n\nRules: {}\n", agent.id, agent.rules);
        ids(&mut out, "Findings", &agent.findings);
        for line in &agent.unreadable {
            let _ = writeln!(out, "- cannot be read: {line}");
        }
        for connection in bug.connections.iter().filter(|one| one.agent == agent.id) {
            one_connection(&mut out, connection);
        }
    }
    if bug.connections.is_empty() {
        out.push_str("\nNo connection was found.\n");
    }
    if !bug.history.is_empty() {
        out.push_str("\n#### Last writes of keymend\n\n");
        for written in &bug.history {
            let _ = writeln!(out, "- {} {}", written.when, written.what);
        }
    }
    out
}

fn one_connection(out: &mut String, one: &Connection) {
    let mode = one.mode.map_or(String::new(), |mode| format!(", {mode}"));
    let used = if one.in_use { ", in use" } else { "" };
    let provider = one.provider.as_deref().filter(|own| *own != one.agent_provider);
    let provider = provider.map_or(String::new(), |own| format!(" ({own})"));
    let _ = writeln!(
        out,
        "\n**{}/{}**{provider}, profile {}{mode}{used}",
        one.agent, one.agent_provider, one.profile
    );
    let sent = match (&one.key, &one.header, &one.address, &one.reason) {
        (Some(key), Some(header), Some(address), _) => format!("sends `{key}` in `{header}` to `{address}`"),
        (.., Some(reason)) => format!("{}: {reason}", one.outcome),
        _ => one.outcome.to_owned(),
    };
    let _ = writeln!(out, "{sent}\n");
    if !one.sources.is_empty() {
        out.push_str("| n | source | place | key | state | why |\n|---|---|---|---|---|---|\n");
        for row in &one.sources {
            let name = row.name.as_deref().map_or(String::new(), |name| format!(" `{}`", cell(name)));
            let letter = row.letter.as_deref().map_or(String::new(), |letter| format!("{letter} "));
            let key = row.key.as_deref().map_or("-".to_owned(), |key| format!("{letter}`{}`", cell(key)));
            let _ = writeln!(
                out,
                "| {} | {}{name} | `{}` | {key} | {} | {} |",
                row.n,
                row.source,
                cell(&row.place),
                row.state,
                cell(&row.reason)
            );
        }
    }
    ids(out, "Findings", &one.findings);
    if let Some(test) = &one.test {
        let status = test.status.map_or(String::new(), |status| format!(" ({status})"));
        let _ = writeln!(out, "\nTest: {}{status}: {}\n", test.verdict, test.reason);
        for (name, value) in &test.evidence {
            let _ = writeln!(out, "- {name}: {value}");
        }
    }
}

fn ids(out: &mut String, label: &str, found: &[Found]) {
    if !found.is_empty() {
        let ids: Vec<_> = found.iter().map(|one| format!("`{}` ({})", one.id, one.severity)).collect();
        let _ = writeln!(out, "\n{label}: {}", ids.join(", "));
    }
}

/// A bar or a backtick would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('`', "'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session;
    use crate::session::Selector;
    use crate::world::MemoryWorld;

    const KEY: &str = "sk-ant-api03-Q7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vk3Pw";

    fn report(world: &MemoryWorld, addresses: bool) -> String {
        let catalogue = Catalogue::embedded();
        let scan = session::scan_all(world, &catalogue);
        let chosen = scan.select(&Selector::default());
        let style = Style { catalogue: &catalogue, home: world.home.as_deref(), salt: "s" };
        let history = [(0, "key of ada-lovelace in /home/ada-lovelace/.hermes/.env".to_owned())];
        let about = About {
            chosen: &chosen,
            tested: &[],
            history: &history,
            machine: world.machine.as_ref(),
            addresses,
            system: "linux x86_64",
        };
        let bug = bug(&scan, about, style);
        format!("{}\n{}", markdown(&bug), serde_json::to_string(&bug).unwrap())
    }

    fn world() -> MemoryWorld {
        let mut world = MemoryWorld::new("/home/ada-lovelace")
            .with_var("ANTHROPIC_BASE_URL", "https://ada:hunter2secret@llm.corp.acme.example:8443/team/v1")
            .with_file(".hermes/.env", format!("ANTHROPIC_API_KEY={KEY}\n"))
            .with_file(".hermes/config.yaml", "model:\n  provider: anthropic\n")
            .with_file(".claude/settings.json", format!("{{\"env\":{{\"ANTHROPIC_API_KEY\":\"{KEY}\"}}}}"));
        world.machine =
            Some(Machine { host: "enigma.corp.acme.example".into(), user: "ada-lovelace".into() });
        world
    }

    #[test]
    fn nothing_in_it_names_the_person_or_shows_a_key() {
        let said = report(&world(), false);
        for secret in ["ada-lovelace", "enigma", "acme", "8443", "hunter2", "/home/", &KEY[13..40]] {
            assert!(!said.contains(secret), "{secret}\n{said}");
        }
        for part in [
            "hermes",
            "claude-code",
            "~/.hermes/.env",
            "https://private-host",
            "…k3Pw (108)",
            "linux x86_64",
            "active",
        ] {
            assert!(said.contains(part), "{part}\n{said}");
        }
    }

    #[test]
    fn an_address_is_shown_where_it_is_asked_for_and_never_its_password() {
        let said = report(&world(), true);
        assert!(said.contains("llm.corp.acme.example:8443") && !said.contains("hunter2"), "{said}");
    }

    #[test]
    fn a_providers_own_address_is_no_secret() {
        let mut world = world();
        world.env.clear();
        assert!(report(&world, false).contains("https://api.anthropic.com"));
    }
}
