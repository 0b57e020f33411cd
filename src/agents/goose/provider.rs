//! A provider as a start of Goose sees it: its secret, its header, its address, and what stops it.

use serde_json::Value as Json;

use crate::agents::common;
use crate::finding::Lint;
use crate::resolve::{Header, Outcome};
use crate::world::World;

use super::address;
use super::catalogue::{Carries, PROVIDERS, Row, Takes};
use super::secrets::Secrets;
use super::settings::Settings;

/// A provider.
pub struct Provider {
    /// Goose's name for it.
    pub id: String,
    /// keymend's catalogue id.
    pub catalogue: Option<&'static str>,
    /// The name of its secret; empty where it has none.
    pub key: String,
    /// How the key is sent.
    pub header: Header,
    /// How it comes by its credential.
    pub takes: Takes,
    /// Where requests go.
    pub base_url: String,
    /// The setting that moves it away from the provider's own host.
    pub moved_by: Option<String>,
    /// Headers of its own.
    pub headers: Vec<(String, String)>,
    /// Why no request is made, or what is unknown of it.
    pub refusal: Option<Outcome>,
    /// What is wrong with its settings.
    pub lints: Vec<Lint>,
}

impl Provider {
    /// None at all: `name` is what Goose is asked for, or that it is asked for nothing.
    pub fn none(name: &str) -> Self {
        Self {
            id: name.to_owned(),
            catalogue: None,
            key: String::new(),
            header: Header::Bearer,
            takes: Takes::Key,
            base_url: String::new(),
            moved_by: None,
            headers: Vec::new(),
            refusal: None,
            lints: Vec::new(),
        }
    }

    /// Goose ends with an error before it sends anything, for this reason.
    pub fn stop(&mut self, why: String) {
        self.refusal.get_or_insert_with(|| Outcome::nothing(why.as_str()));
        self.lints.push(Lint::fault("does-not-start", why));
    }

    /// The address that a setting gives, checked.
    fn at(&mut self, base: String, from: Option<&str>) {
        if common::is_address(&base) {
            self.base_url = base;
            return;
        }
        let from = from.unwrap_or("its host");
        let given = if base.trim().is_empty() { "nothing".to_owned() } else { common::printable(&base) };
        self.stop(format!("{from} gives {given}, which is no address; write it whole, with https://"));
    }
}

/// The built-in providers.
pub fn built_in(world: &dyn World, settings: &Settings, secrets: &Secrets) -> Vec<Provider> {
    PROVIDERS.iter().map(|row| one(world, settings, secrets, row)).collect()
}

fn one(world: &dyn World, settings: &Settings, secrets: &Secrets, row: &Row) -> Provider {
    let mut provider = Provider {
        catalogue: row.catalogue,
        key: row.key.to_owned(),
        header: match row.carries {
            Carries::Bearer => Header::Bearer,
            Carries::Raw(name) => Header::raw(name),
        },
        takes: row.takes,
        ..Provider::none(row.id)
    };
    match row.id {
        "openai" => openai(world, settings, row, &mut provider),
        "aws_bedrock" => bedrock(world, settings, &mut provider),
        "snowflake" => snowflake(world, settings, secrets, &mut provider),
        "databricks" => {
            let host = settings.text(world, row.host).or_else(|| secrets.text(world, row.host));
            needed(&mut provider, row.host, host);
        }
        "azure_openai" => {
            let host = settings.text(world, row.host);
            needed(&mut provider, row.host, host);
            if settings.text(world, "AZURE_OPENAI_DEPLOYMENT_NAME").is_none() {
                provider.stop("AZURE_OPENAI_DEPLOYMENT_NAME is not set; run `goose configure`".to_owned());
            }
        }
        _ if matches!(row.takes, Takes::Nothing(_) | Takes::Elsewhere(_) | Takes::Exchanged(_)) => {}
        _ => {
            let set = Some(row.host).filter(|name| !name.is_empty());
            let set = set.and_then(|name| Some((name, settings.text(world, name)?)));
            match set {
                Some((name, host)) => moved(&mut provider, row, name, &host),
                None if row.default.is_empty() => needed(&mut provider, row.host, None),
                None => provider.at(format!("{}{}", row.default, row.path), None),
            }
        }
    }
    provider
}

/// `name` sets the host; `goose configure` writes the usual one there too.
fn moved(provider: &mut Provider, row: &Row, name: &str, host: &str) {
    let base = match row.path {
        _ if !common::is_address(host) => host.to_owned(),
        "" => host.to_owned(),
        path => format!("{}{path}", host.trim_end_matches('/')),
    };
    if !row.default.is_empty() && common::host_of(host) != common::host_of(row.default) {
        provider.moved_by = Some(name.to_owned());
    }
    provider.at(base, Some(name));
}

/// A host that has to be set.
fn needed(provider: &mut Provider, name: &str, host: Option<String>) {
    match host {
        Some(host) => provider.at(host, Some(name)),
        None => provider.stop(format!("{name} is not set; run `goose configure`")),
    }
}

/// `OpenAI` has two settings of the host: `OPENAI_HOST` in the environment, as it is, then `OPENAI_BASE_URL`, then
/// `OPENAI_HOST` in a file; and one of the path, which may be a whole address.
fn openai(world: &dyn World, settings: &Settings, row: &Row, provider: &mut Provider) {
    let in_env = world.var(row.host).map(|host| (row.host, host.to_owned()));
    let base = || {
        let base = settings.text(world, "OPENAI_BASE_URL")?.trim().to_owned();
        (!base.is_empty()).then_some(("OPENAI_BASE_URL", base))
    };
    let in_file = || Some((row.host, settings.in_files(row.host).and_then(Json::as_str)?.to_owned()));
    let path = settings.text(world, "OPENAI_BASE_PATH");
    let (from, host) = in_env.or_else(base).or_else(in_file).unwrap_or(("", row.default.to_owned()));
    if !common::is_address(&host) {
        provider.at(host, Some(from));
        return;
    }
    let whole = match (from, &path) {
        ("OPENAI_BASE_URL", _) => address::of_declared(&host, path.as_deref()).unwrap_or_default(),
        (_, Some(path)) => address::join(&host, path),
        (_, None) => address::join(&host, "v1"),
    };
    let from = if common::host_of(&whole) == common::host_of(&host) { from } else { "OPENAI_BASE_PATH" };
    if common::host_of(&whole) != common::host_of(row.default) {
        provider.moved_by = Some(from.to_owned());
    }
    provider.at(whole, Some(from));
}

fn bedrock(world: &dyn World, settings: &Settings, provider: &mut Provider) {
    let region = settings.text(world, "AWS_REGION");
    let region = region.or_else(|| world.var_nonempty("AWS_DEFAULT_REGION").map(str::to_owned));
    match region.filter(|region| !region.is_empty()) {
        Some(region) => provider.base_url = format!("https://bedrock-runtime.{region}.amazonaws.com"),
        None if world.exists(&common::home(world).join(".aws/config")) => {
            provider.refusal = Some(Outcome::unknown("the region comes from your AWS profile"));
        }
        None if world.var_nonempty("AWS_BEARER_TOKEN_BEDROCK").is_some() => {
            provider.stop("no region is set for Amazon Bedrock; set AWS_REGION".to_owned());
        }
        None => {}
    }
}

/// The name of an account is enough: the rest of the host is added.
fn snowflake(world: &dyn World, settings: &Settings, secrets: &Secrets, provider: &mut Provider) {
    const ALL: &str = ".snowflakecomputing.com";
    let name = "SNOWFLAKE_HOST";
    let Some(host) = settings.text(world, name).or_else(|| secrets.text(world, name)) else {
        return needed(provider, name, None);
    };
    let host = host.to_lowercase();
    let account = host.strip_suffix(ALL).unwrap_or(&host);
    let (scheme, account) = account.split_once("://").unwrap_or(("https", account));
    if account.is_empty() || account.contains(':') {
        provider
            .stop("SNOWFLAKE_HOST is no name of an account; write it without https:// and port".to_owned());
    } else {
        provider.base_url = format!("{scheme}://{account}{ALL}");
    }
}
