//! SecretRefs: `{source, provider, id}` objects and `${VAR}` texts, resolved where that needs no program.

use std::path::Path;

use serde_json::Value as Json;

use super::env::{self, sent_text};
use super::era::Rules;
use super::{Site, clean, text};
use crate::agents::common::{Prints, prints_argv};
use crate::secret::Secret;
use crate::source::{Cell, Format, Place, Pointer, Source, tilde};
use crate::world::{FileState, Table};

/// A reference to a secret elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SecretRef {
    source: String,
    provider: Option<String>,
    id: String,
    /// Written as a text, `${VAR}`: unset it is no error, the text itself remains.
    pub textual: bool,
}

/// What a reference leads to.
#[derive(Clone, Debug)]
pub(super) enum Resolved {
    /// A text.
    Text {
        /// The text.
        secret: Secret,
        /// The kind of place where it is.
        source: Source,
        /// Where it is.
        place: Place,
        /// The reference in words.
        called: String,
    },
    /// Nothing: why, in words.
    Missing(String),
    /// A program gives it; how that is written in words.
    Outside(String),
}

impl SecretRef {
    /// Takes a value as a reference, if it is one.
    pub(super) fn of(value: &Json, rules: Rules) -> Option<Self> {
        match value {
            Json::String(text) => Self::of_text(text, rules),
            Json::Object(_) => Some(Self {
                source: text(value, "source")?.to_owned(),
                provider: text(value, "provider").map(ToOwned::to_owned),
                id: text(value, "id")?.to_owned(),
                textual: false,
            }),
            _ => None,
        }
    }

    /// `${VAR}`, and in 2026.9.6 `$VAR`.
    fn of_text(text: &str, rules: Rules) -> Option<Self> {
        let text = text.trim();
        let braced = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        let bare = text.strip_prefix('$').filter(|_| rules == Rules::New);
        let name = braced.or(bare).filter(|name| env::is_variable(name))?;
        Some(Self { source: "env".to_owned(), provider: None, id: name.to_owned(), textual: true })
    }

    /// The variable of an environment reference.
    pub(super) fn variable(&self) -> Option<&str> {
        (self.source == "env").then_some(self.id.as_str())
    }

    /// The reference in words: `${MY_KEY}`, `file filemain /x`.
    pub(super) fn shown(&self) -> String {
        match self.variable() {
            Some(name) => format!("${{{}}}", clean(name)),
            None => format!("{} {} {}", clean(&self.source), clean(self.provider_name()), clean(&self.id)),
        }
    }

    fn provider_name(&self) -> &str {
        self.provider.as_deref().unwrap_or("default")
    }

    /// Follows the reference.
    pub(super) fn resolve(&self, site: &Site<'_>) -> Resolved {
        match self.source.as_str() {
            "env" => self.by_env(site),
            "file" => self.by_file(site).unwrap_or_else(Resolved::Missing),
            "store" if site.rules == Rules::New => self.by_store(site),
            "exec" => self.by_program(site),
            other => Resolved::Missing(format!("the source {} is not known to this version", clean(other))),
        }
    }

    /// The definition `secrets.providers.<name>`.
    fn definition<'a>(&self, site: &'a Site<'_>) -> Option<&'a Json> {
        site.config.get(&["secrets", "providers", self.provider_name()])
    }

    fn by_env(&self, site: &Site<'_>) -> Resolved {
        let allowed =
            self.definition(site).and_then(|provider| provider.get("allowlist")).and_then(Json::as_array);
        if allowed.is_some_and(|list| !list.contains(&Json::from(self.id.as_str()))) {
            return Resolved::Missing(format!(
                "{} is not in the allowlist of its secret provider",
                self.shown()
            ));
        }
        match site.env.get(&self.id).and_then(|hit| Some((hit, hit.sent()?))) {
            Some((hit, secret)) => Resolved::Text {
                secret,
                source: hit.source,
                place: hit.var.place.clone(),
                called: self.shown(),
            },
            None => Resolved::Missing(format!("{} is not set", self.shown())),
        }
    }

    fn by_store(&self, site: &Site<'_>) -> Resolved {
        let cell = Cell {
            db: site.install.state_db(),
            table: "secret_store_entries",
            key_column: "name",
            key: self.id.clone(),
            value_column: "value",
            stamp_column: Some("updated_at_ms"),
        };
        let table = Table {
            db: cell.db.clone(),
            name: cell.table,
            key_column: cell.key_column,
            value_column: cell.value_column,
            live_when_null: Some("deleted_at_ms"),
        };
        match site.world.table(&table).get(&self.id).and_then(sent_text) {
            Some(secret) => Resolved::Text {
                secret,
                source: Source::SecretStore,
                place: Place::Cell { cell, pointer: Pointer::default() },
                called: format!("the secret store's {}", clean(&self.id)),
            },
            None => Resolved::Missing(format!("the secret store has no {}", clean(&self.id))),
        }
    }

    fn by_program(&self, site: &Site<'_>) -> Resolved {
        let definition = self.definition(site);
        let command = definition.and_then(|provider| text(provider, "command"));
        let plain = definition.is_some_and(|provider| provider.get("args").is_none());
        if let Some(found) = command.filter(|_| plain).and_then(|command| self.printed(site, command)) {
            return found;
        }
        match command {
            Some(command) => Resolved::Outside(format!("{} for {}", clean(command), clean(&self.id))),
            None => {
                Resolved::Missing(format!("no secret provider {} is configured", clean(self.provider_name())))
            }
        }
    }

    /// What a program of OpenClaw's protocol gives, where it is a script that prints a constant.
    fn printed(&self, site: &Site<'_>, command: &str) -> Option<Resolved> {
        let path = Path::new(command);
        let state = site.world.read(path);
        let meta = state.meta().filter(|meta| meta.real.file_name() == path.file_name())?;
        if !path.is_absolute() || meta.mode & 0o100 == 0 || meta.mode & 0o022 != 0 {
            return None;
        }
        let Prints::Text(printed) = prints_argv(site.world, &[command.to_owned()]) else { return None };
        let secret = printed.map(|printed| {
            let answer: Option<Json> = serde_json::from_str(printed).ok();
            let value = answer.as_ref().and_then(|answer| answer.get("values")?.get(&self.id)?.as_str());
            value.unwrap_or_default().trim().to_owned()
        });
        let shown = format!("{} for {}", clean(command), clean(&self.id));
        let place = Place::Command { from: "secrets.providers".to_owned(), command: shown.clone() };
        let called = format!("the program {shown}");
        (!secret.is_empty()).then_some(Resolved::Text { secret, source: Source::Helper, place, called })
    }

    fn by_file(&self, site: &Site<'_>) -> Result<Resolved, String> {
        let missing = || format!("no secret provider {} is configured", clean(self.provider_name()));
        let definition = self.definition(site).ok_or_else(missing)?;
        let path = text(definition, "path").map(|path| site.install.expand(&site.env.substitute(path)));
        let path =
            path.ok_or_else(|| format!("the secret provider {} names no file", clean(self.provider_name())))?;
        let insecure = definition.get("allowInsecurePath") == Some(&Json::Bool(true));
        let content = private_text(site, &path, insecure)?;
        let single = text(definition, "mode") == Some("singleValue");
        let place = if single { whole(&path) } else { member(&path, &self.id) };
        let found = if single { single_value(&content, &self.id) } else { pointed(&content, &self.id) };
        let shown = tilde(&path, site.world.home());
        let secret = found
            .as_deref()
            .and_then(sent_text)
            .ok_or_else(|| format!("{shown} has no {}", clean(&self.id)))?;
        Ok(Resolved::Text {
            secret,
            source: Source::SecretFile,
            place,
            called: format!("the secret file {shown}"),
        })
    }
}

fn whole(path: &Path) -> Place {
    Place::File { file: path.to_owned() }
}

fn member(path: &Path, id: &str) -> Place {
    let steps = id.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
    Place::Field { file: path.to_owned(), format: Format::Json, pointer: Pointer::new(steps) }
}

fn single_value(content: &str, id: &str) -> Option<String> {
    (id == "value").then(|| content.trim_end_matches(['\r', '\n']).to_owned())
}

fn pointed(content: &str, id: &str) -> Option<String> {
    let doc: Json = serde_json::from_str(content).ok()?;
    doc.pointer(id)?.as_str().map(ToOwned::to_owned)
}

/// The text of a secret file that passes OpenClaw's checks: a regular file of its own, one name, no link, readable by
/// its owner alone.
fn private_text(site: &Site<'_>, path: &Path, insecure: bool) -> Result<String, String> {
    let shown = tilde(path, site.world.home());
    let state = site.world.read(path);
    if matches!(&*state, FileState::Missing) {
        return Err(format!("{shown} is not there"));
    }
    if let Some(trouble) = state.trouble() {
        return Err(format!("{shown} {trouble}"));
    }
    if let Some(meta) = state.meta().filter(|_| !insecure) {
        // A folder above may be a link; only the file itself may not.
        if meta.real.file_name() != path.file_name() {
            return Err(format!("{shown} is a symbolic link, which OpenClaw refuses"));
        }
        if meta.links > 1 {
            return Err(format!("{shown} has several names (hard links), which OpenClaw refuses"));
        }
        if meta.mode & 0o077 != 0 {
            return Err(format!(
                "{shown} can be read by others (mode {:o}), which OpenClaw refuses",
                meta.mode & 0o777
            ));
        }
    }
    Ok(state.text().unwrap_or_default().to_owned())
}
