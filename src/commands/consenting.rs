//! `consents`: the hosts that the person said yes to, and the addresses that a person names.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Desk, Exit, Failure, print, print_json};
use crate::cli;
use crate::host::consents::{Agreed, Consents};
use crate::host::files::WriteError;
use crate::probe::course::same_host;
use crate::provider::{Catalogue, authority};
use crate::report::{SCHEMA, plain};
use crate::secret::Secret;
use crate::world::World as _;

#[derive(Serialize)]
struct ConsentsJson {
    schema: u32,
    agreed: Vec<Agreed>,
}

/// `keymend consents`.
pub(super) fn consents(desk: &Desk, args: &cli::Consents) -> Result<Exit, Failure> {
    let list = Consents::of(&desk.world());
    let mut gone = Vec::new();
    if args.revoke_all {
        gone = list.hosts();
    }
    for named in &args.revoke {
        let host = host_of(&desk.catalogue, named)?;
        if !list.list().iter().any(|own| same_host(&own.host, &host)) {
            return Err(Failure::new(
                format!("no yes was given to {}", plain(&host)),
                "`keymend consents` lists the hosts",
            ));
        }
        gone.push(host);
    }
    for host in &gone {
        list.revoke(host).map_err(|error| failed(&error))?;
    }
    let agreed = list.list();
    if args.json {
        print_json(&ConsentsJson { schema: SCHEMA, agreed })?;
        return Ok(Exit::Fine);
    }
    let mut out = String::new();
    for host in &gone {
        let _ = writeln!(out, "no key goes to {} unasked any more", plain(host));
    }
    if agreed.is_empty() {
        out += "keys go to their own providers' hosts alone; nobody said yes to another host\n";
    } else {
        out += "keys may also go to these hosts, because you said yes:\n";
    }
    for entry in &agreed {
        let day = jiff::Timestamp::from_millisecond(entry.at_ms).unwrap_or_default().strftime("%Y-%m-%d");
        let _ = writeln!(out, "  {:<40} since {day}", plain(&entry.host));
    }
    print(&out)?;
    Ok(Exit::Fine)
}

/// Remembers the hosts of `--yes-to`, and gives all that the person agreed to.
pub(super) fn agree(desk: &Desk, hosts: &[String]) -> Result<Vec<String>, Failure> {
    let world = desk.world();
    let list = Consents::of(&world);
    for named in hosts {
        let host = host_of(&desk.catalogue, named)?;
        list.add(&host, world.now_ms()).map_err(|error| failed(&error))?;
    }
    Ok(list.hosts())
}

fn failed(error: &WriteError) -> Failure {
    Failure::new(error.to_string(), error.hint())
}

/// The host of what a person typed: `127.0.0.1:4000`, or a whole address. What looks like a key is not repeated.
fn host_of(catalogue: &Catalogue, text: &str) -> Result<String, Failure> {
    let text = text.trim();
    let host = authority(text).unwrap_or(text);
    if is_host(catalogue, host) {
        return Ok(host.to_ascii_lowercase());
    }
    Err(Failure::new("this is not the name of a host", "write it as relay.example.com or 127.0.0.1:4000"))
}

/// An address that the person named for a test. What is none is not repeated: it may be a key in the wrong place.
pub(super) fn address<'a>(
    catalogue: &Catalogue,
    named: Option<&'a String>,
) -> Result<Option<&'a str>, Failure> {
    let Some(text) = named.map(|text| text.trim()) else { return Ok(None) };
    let web = text.split_once("://").is_some_and(|(scheme, _)| {
        scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
    });
    if web && authority(text).is_some_and(|host| is_host(catalogue, host)) {
        return Ok(Some(text));
    }
    Err(Failure::new("--base-url needs an address", "write it as https://relay.example.com/v1"))
}

fn is_host(catalogue: &Catalogue, host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, _)) => name,
        None => host.split(':').next().unwrap_or(""),
    };
    let shaped = name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok()
        || name.contains('.') && !name.starts_with('.') && !name.chars().any(char::is_whitespace);
    shaped && !host.contains(['/', '@', '?', '#']) && catalogue.recognise(&Secret::new(name)).best().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_address_and_no_key() {
        let catalogue = Catalogue::embedded();
        let take = |text: &str| address(&catalogue, Some(&text.to_owned())).is_ok();
        for good in [
            "https://relay.example/v1",
            "http://127.0.0.1:4000",
            "http://[::1]:80/v1",
            "HTTPS://a.b",
            "http://localhost",
        ] {
            assert!(take(good), "{good}");
        }
        let key = format!("sk-ant-api03-{}AA", "Q7".repeat(46));
        for bad in [
            key.clone(),
            format!("https://{key}"),
            format!("https://{key}/v1"),
            "relay.example".into(),
            "ftp://a.b".into(),
            String::new(),
            "https://".into(),
            "http:// a.b".into(),
        ] {
            assert!(!take(&bad), "{bad}");
        }
        let error = address(&catalogue, Some(&key)).unwrap_err();
        assert!(!error.to_string().contains("sk-ant"));
    }
}
