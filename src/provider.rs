//! The providers: data from `assets/providers/*.toml`, which the build makes into JSON (`build.rs`).
//!
//! Adding a provider is one file in that folder and no Rust. A person's own files in their config folder add to the
//! list or replace an entry; a file that cannot be read is one line in [`Catalogue::troubles`], and the rest works.

use std::sync::{Mutex, OnceLock, PoisonError};

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
    forms: OnceLock<Forms>,
    last: Last,
}

/// The key that was compared last, and the positions of the forms that it has: one key is looked at from several sides, one
/// after the other.
#[derive(Debug, Default)]
struct Last(Mutex<Option<(Secret, Vec<Position>)>>);

/// A provider's, and its form's among those of the provider.
type Position = (usize, usize);

impl Clone for Last {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// The forms of keys, so that a key is compared with the few that it may have: a home may hold ten thousand keys.
#[derive(Clone, Debug)]
struct Forms {
    /// For each first byte of a key, the positions of the forms that may begin so.
    by_first: Vec<Vec<(usize, usize)>>,
    /// The beginnings that tell something.
    telling: Vec<String>,
}

impl Forms {
    fn of(providers: &[Provider]) -> Self {
        let mut by_first = vec![Vec::new(); 256];
        let mut telling = Vec::new();
        for (at, provider) in providers.iter().enumerate() {
            for (nth, form) in provider.keys.iter().enumerate() {
                let mut firsts: Vec<u8> =
                    form.prefixes.iter().filter_map(|prefix| prefix.bytes().next()).collect();
                if firsts.len() < form.prefixes.len() || firsts.is_empty() {
                    firsts = (0..=u8::MAX).collect();
                }
                firsts.sort_unstable();
                firsts.dedup();
                for first in firsts {
                    by_first[usize::from(first)].push((at, nth));
                }
                telling.extend(form.prefixes.iter().filter(|prefix| form.tells(prefix)).cloned());
            }
        }
        telling.sort_unstable();
        telling.dedup();
        Self { by_first, telling }
    }
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
        (self.forms, self.last) = (OnceLock::new(), Last::default());
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

    fn index(&self) -> &Forms {
        self.forms.get_or_init(|| Forms::of(&self.providers))
    }

    /// The forms that a key with this first byte may have, in the order of the providers.
    pub fn forms(&self, first: Option<u8>) -> impl Iterator<Item = (&Provider, &KeyShape)> {
        let places = &self.index().by_first[usize::from(first.unwrap_or_default())];
        places.iter().filter_map(|place| self.form(*place))
    }

    /// The forms that this key has as a whole, in the order of the providers.
    #[must_use]
    pub fn fitting(&self, key: &Secret) -> Vec<(&Provider, &KeyShape)> {
        let at = |places: &[(usize, usize)]| {
            places.iter().filter_map(|place| self.form(*place)).collect::<Vec<_>>()
        };
        let mut last = self.last.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, places)) = last.as_ref().filter(|(known, _)| known == key) {
            return at(places);
        }
        let all = &self.index().by_first[usize::from(key.first_byte().unwrap_or_default())];
        let fits = |place: &(usize, usize)| self.form(*place).is_some_and(|(_, form)| form.fits(key));
        let places: Vec<(usize, usize)> = all.iter().copied().filter(fits).collect();
        let found = at(&places);
        *last = Some((key.clone(), places));
        found
    }

    fn form(&self, (at, nth): (usize, usize)) -> Option<(&Provider, &KeyShape)> {
        let provider = self.providers.get(at)?;
        Some((provider, provider.keys.get(nth)?))
    }

    /// The beginnings that say something about where a key belongs.
    #[must_use]
    pub fn telling_beginnings(&self) -> &[String] {
        &self.index().telling
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

    /// The providers whose keys are in this variable.
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
        let forms = self.forms(key.first_byte());
        let found = forms.filter_map(|(provider, shape)| {
            let prefix = shape.prefix_of(key).unwrap_or("");
            let fit = if shape.fits(key) {
                Fit::Exact
            } else if !prefix.is_empty() && shape.detection == Detection::Prefix {
                Fit::PrefixOnly
            } else {
                return None;
            };
            Some(Match { provider, shape, fit, prefix })
        });
        let mut matches: Vec<Match<'_>> = found.collect();
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
        let prefixes = self.forms(key.first_byte()).filter_map(|(_, shape)| shape.prefix_of(key));
        let longest = prefixes.max_by_key(|prefix| prefix.len());
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
