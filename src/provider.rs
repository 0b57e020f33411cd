//! The providers: data from `assets/providers/*.toml`, which the build makes into JSON (`build.rs`).
//!
//! Adding a provider is one file in that folder and no Rust. A person's own files in their config folder add to the
//! list or replace an entry; a file that cannot be read is one line in [`Catalogue::troubles`], and the rest works.

use crate::secret::{Mask, Secret};

pub mod condition;
mod model;
mod recognise;
mod table;

pub use model::{
    Auth, AuthVariant, Confidence, Detection, Honesty, Host, KeyShape, NeverProbe, ProbeSpec, Provider, Rule,
    Scheme, Worth, authority,
};
pub use recognise::{Fit, Match, Recognition};
pub use table::Listed;

/// The built-in providers: the name of the file, and its content as JSON.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/providers.rs"));

/// All providers.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    providers: Vec<Provider>,
    /// Files of the person's own that could not be used, one line each.
    pub troubles: Vec<String>,
}

impl Catalogue {
    /// The providers that are built into the program, and nothing else.
    #[must_use]
    pub fn embedded() -> Self {
        let mut catalogue = Self::default();
        for (name, json) in FILES {
            match serde_json::from_str(json).map_err(|why| why.to_string()).and_then(checked) {
                Ok(provider) => catalogue.put(provider),
                Err(why) => catalogue.troubles.push(format!("{name}: {why}")),
            }
        }
        catalogue.providers.sort_by(|a, b| a.id.cmp(&b.id));
        catalogue
    }

    /// The built-in providers with a person's own files (name, text) on top.
    #[must_use]
    pub fn with_overrides(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut catalogue = Self::embedded();
        for (name, text) in files {
            match read(&text) {
                Ok(provider) => catalogue.put(provider),
                Err(why) => catalogue.troubles.push(format!("{name}: {why}")),
            }
        }
        catalogue
    }

    fn put(&mut self, provider: Provider) {
        match self.providers.iter_mut().find(|own| own.id == provider.id) {
            Some(own) => *own = provider,
            None => self.providers.push(provider),
        }
    }

    /// All of them, by id.
    #[must_use]
    pub fn all(&self) -> &[Provider] {
        &self.providers
    }

    /// The literal beginnings of all keys.
    pub fn beginnings(&self) -> impl Iterator<Item = &str> {
        let forms = self.providers.iter().flat_map(|provider| &provider.keys);
        forms.flat_map(|form| &form.prefixes).map(String::as_str)
    }

    /// The provider with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.id == id)
    }

    /// The provider with this id or another name of it, in any case.
    #[must_use]
    pub fn by_alias(&self, name: &str) -> Option<&Provider> {
        let named =
            |provider: &&Provider| provider.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name));
        let by_id = self.providers.iter().find(|provider| provider.id.eq_ignore_ascii_case(name));
        by_id.or_else(|| self.providers.iter().find(named))
    }

    /// The providers whose keys stand in this variable.
    #[must_use]
    pub fn by_env(&self, variable: &str) -> Vec<&Provider> {
        self.providers.iter().filter(|provider| provider.env.iter().any(|env| env == variable)).collect()
    }

    /// The provider that this host belongs to. `host` is `api.anthropic.com`, `127.0.0.1:11434`, or an address.
    #[must_use]
    pub fn by_host(&self, host: &str) -> Option<&Provider> {
        let host = authority(host).unwrap_or(host);
        self.providers.iter().find(|provider| provider.owns(host))
    }

    /// The other providers of the same company.
    pub fn siblings<'a>(&'a self, provider: &'a Provider) -> impl Iterator<Item = &'a Provider> {
        self.providers.iter().filter(move |other| {
            provider.family.is_some() && other.family == provider.family && other.id != provider.id
        })
    }

    /// The rules about this provider's answers: its own, then those it shares.
    pub fn rules<'a>(&'a self, provider: &'a Provider) -> impl Iterator<Item = &'a Rule> {
        let shared = provider.rules_of.as_deref().and_then(|id| self.get(id));
        provider.rules.iter().chain(shared.into_iter().flat_map(|other| &other.rules))
    }

    /// Everything that the text of a key tells about where it belongs.
    #[must_use]
    pub fn recognise(&self, key: &Secret) -> Recognition<'_> {
        let mut matches: Vec<Match<'_>> = Vec::new();
        for provider in &self.providers {
            matches.extend(provider.keys.iter().filter_map(|shape| {
                let prefix = shape.prefix_of(key).unwrap_or("");
                let fit = if shape.fits(key) {
                    Fit::Exact
                } else if !prefix.is_empty() && shape.detection == Detection::Prefix {
                    Fit::PrefixOnly
                } else {
                    return None;
                };
                Some(Match { provider, shape, fit, prefix })
            }));
        }
        matches.retain(|found| found.shape.detection != Detection::Never);
        matches.sort_by_key(|found| {
            std::cmp::Reverse((found.distinctive() && !short(found), found.fit, found.prefix.len()))
        });
        let longest = matches.iter().map(|found| found.prefix.len()).max().unwrap_or(0);
        matches.retain(|found| found.fit == Fit::Exact || found.prefix.len() == longest);
        Recognition { matches }
    }

    /// The masked form of a key, with the prefix of the format it is recognised as.
    #[must_use]
    pub fn mask(&self, key: &Secret) -> Mask {
        let prefixes = self.providers.iter().flat_map(|provider| &provider.keys);
        let longest = prefixes.filter_map(|shape| shape.prefix_of(key)).max_by_key(|prefix| prefix.len());
        key.mask(longest)
    }
}

/// A beginning such as `sk-`, which many providers share, names nobody unless the whole shape fits.
fn short(found: &Match<'_>) -> bool {
    found.fit == Fit::PrefixOnly && found.prefix == "sk-"
}

fn read(text: &str) -> Result<Provider, String> {
    let provider: Provider = toml::from_str(text).map_err(|why| {
        // The reader's whole message quotes the file.
        let line = why.span().map_or(String::new(), |at| {
            format!("line {}: ", text[..at.start.min(text.len())].matches('\n').count() + 1)
        });
        format!("{line}{}", why.message().split_whitespace().collect::<Vec<_>>().join(" "))
    })?;
    checked(provider)
}

fn checked(provider: Provider) -> Result<Provider, String> {
    if provider.hosts.is_empty() {
        return Err("it names no address ([[hosts]])".into());
    }
    Ok(provider)
}

#[cfg(test)]
mod tests;
