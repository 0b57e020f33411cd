//! Bitwarden and 1Password: vaults that put values into `os.environ` at start (hermes-agent 0.19.0
//! `agent/secret_sources/`). A scan asks no vault; it knows which variables one may decide, and the copies that Hermes
//! keeps in `H/cache/`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::agents::common::Doc;
use crate::formats::pyyaml::Yaml;
use crate::world::World;

/// How long Hermes trusts a copy, in milliseconds.
const TTL_MS: f64 = 300_000.0;

/// What the vaults of one profile do.
#[derive(Default)]
pub struct Vaults {
    /// Variables that a vault sets, and its name.
    pub sets: BTreeMap<String, &'static str>,
    /// A vault that sets every secret of a project is on, and which ones it holds is not known here.
    pub unknown: Option<&'static str>,
    /// Cache files that hold keys as plain text, and for which variables.
    pub caches: Vec<(PathBuf, BTreeSet<String>)>,
}

impl Vaults {
    /// The vault that decides `name` in `os.environ`, if one does or may do.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<&'static str> {
        self.sets.get(name).copied().or(self.unknown)
    }
}

/// Reads the `secrets:` section (of the user's file alone, as Hermes does) and the cache files.
#[must_use]
pub fn read(world: &dyn World, home: &Path, user: &Yaml) -> Vaults {
    let mut vaults = Vaults::default();
    let on = |name: &str| user.at(&["secrets", name, "enabled"]).is_some_and(Yaml::truthy);
    let bws = cache(world, &home.join("cache/bws_cache.json"), &mut vaults);
    let op = cache(world, &home.join("cache/op_cache.json"), &mut vaults);
    if on("onepassword") {
        let names = user.at(&["secrets", "onepassword", "env"]).into_iter().flat_map(Yaml::entries);
        vaults.sets.extend(names.map(|(name, _)| (name.clone(), "1Password")));
        vaults.sets.extend(op.unwrap_or_default().into_iter().map(|name| (name, "1Password")));
    }
    if on("bitwarden") {
        match bws {
            Some(names) => vaults.sets.extend(names.into_iter().map(|name| (name, "Bitwarden"))),
            None => vaults.unknown = Some("Bitwarden"),
        }
    }
    vaults
}

/// The variables in a cache file, or none if there is no copy that Hermes would still trust.
fn cache(world: &dyn World, path: &Path, vaults: &mut Vaults) -> Option<BTreeSet<String>> {
    let doc = Doc::json(world, path);
    let secrets = doc.root.get("secrets")?.as_object()?;
    let names: BTreeSet<String> = secrets.keys().cloned().collect();
    vaults.caches.push((path.to_owned(), names.clone()));
    let fetched = doc.root.get("fetched_at")?.as_f64()?;
    #[expect(clippy::cast_precision_loss, reason = "a clock in milliseconds fits a double exactly")]
    let now = world.now_ms() as f64;
    (now - fetched * 1000.0 < TTL_MS).then_some(names)
}
