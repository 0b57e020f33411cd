//! The providers that opencode knows, and the libraries that speak to them: `assets/opencode/providers.txt`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::resolve::Header;

/// A provider of the catalogue.
pub struct Known {
    /// opencode's name for it.
    pub id: &'static str,
    /// keymend's catalogue id, where it has one.
    pub provider: Option<&'static str>,
    /// Its variables. With more than one opencode hands none over, and the library looks for its own.
    pub env: Vec<&'static str>,
    /// The library that speaks to it.
    pub library: &'static str,
    /// The address that the catalogue gives the library.
    pub api: Option<&'static str>,
}

/// A library that speaks to providers.
pub struct Library {
    /// The header that takes the key.
    pub header: Header,
    /// The address that it has of itself.
    pub base_url: Option<&'static str>,
    /// The variable that moves that.
    pub base_env: Option<&'static str>,
}

/// Those that are shown also where nothing of them is configured.
pub const USUAL: [&str; 4] = ["anthropic", "openai", "google", "openrouter"];

/// What the library of Google looks for by itself.
const OF_GOOGLE: &str = "GOOGLE_GENERATIVE_AI_API_KEY";

static CATALOG: LazyLock<Catalog> =
    LazyLock::new(|| read(include_str!("../../../assets/opencode/providers.txt")));

struct Catalog {
    libraries: BTreeMap<&'static str, Library>,
    providers: Vec<Known>,
}

fn read(text: &'static str) -> Catalog {
    let mut catalog = Catalog { libraries: BTreeMap::new(), providers: Vec::new() };
    let set = |word: &'static str| (word != "-").then_some(word);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&'static str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["library", name, header, base_url, base_env] => {
                let header = if *header == "authorization" { Header::Bearer } else { Header::raw(header) };
                let library = Library { header, base_url: set(base_url), base_env: set(base_env) };
                catalog.libraries.insert(name, library);
            }
            [id, env, library, api, provider] => catalog.providers.push(Known {
                id,
                provider: set(provider),
                env: set(env).map_or_else(Vec::new, |env| env.split(',').collect()),
                library,
                api: set(api),
            }),
            _ => {}
        }
    }
    catalog
}

/// All of them.
pub fn all() -> &'static [Known] {
    &CATALOG.providers
}

/// The provider of this name.
pub fn find(id: &str) -> Option<&'static Known> {
    all().iter().find(|known| known.id == id)
}

/// The library of this name.
pub fn library(name: &str) -> Option<&'static Library> {
    CATALOG.libraries.get(name)
}

impl Known {
    /// The variable that the provider's library reads by itself.
    pub fn own_variable(&self) -> Option<&'static str> {
        match (self.library, self.env.as_slice()) {
            ("@ai-sdk/google", _) => Some(OF_GOOGLE),
            (_, [one]) => Some(one),
            _ => None,
        }
    }

    /// The address that it has without any configuration.
    pub fn base_url(&self) -> Option<&'static str> {
        self.api.or_else(|| library(self.library)?.base_url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read_and_nearly_every_provider_has_its_address() {
        let text = include_str!("../../../assets/opencode/providers.txt");
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).count();
        assert_eq!(lines, all().len() + CATALOG.libraries.len());
        let known = |one: &&Known| one.base_url().is_some() && library(one.library).is_some();
        let unknown: Vec<&str> = all().iter().filter(|one| !known(one)).map(|one| one.id).collect();
        assert!(all().len() > 220 && unknown.len() < 20, "{unknown:?}");
    }
}
