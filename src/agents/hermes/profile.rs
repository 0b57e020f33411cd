//! One profile with everything that its rules read.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::config::{self, Config, Field};
use super::custom::{self, Custom};
use super::environ::{self, Environ, Shared, View};
use super::home::Home;
use super::registry::Provider;
use super::store::{self, Store};
use super::vault;
use crate::world::{Trouble, World};

/// Which generation's order applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// hermes-agent 0.19.0, the last release on PyPI.
    V019,
    /// Git checkouts after it, where an Anthropic key beats borrowed logins.
    Newer,
}

/// One profile.
pub struct Profile<'a> {
    /// The machine.
    pub world: &'a dyn World,
    /// What all profiles read.
    pub shared: &'a Shared,
    /// The folder.
    pub home: &'a Home,
    /// The variables.
    pub env: Environ<'a>,
    /// The configuration.
    pub config: Config,
    /// The stores.
    pub store: Store,
    /// Now, in milliseconds.
    pub now_ms: f64,
    /// Whose order applies.
    pub rules: Rules,
}

impl<'a> Profile<'a> {
    /// Reads everything.
    #[must_use]
    pub fn load(
        world: &'a dyn World,
        home: &'a Home,
        (install, managed): (Option<&Path>, Option<&Path>),
        shared: &'a Shared,
        rules: Rules,
    ) -> Self {
        let mut env = environ::build(world, &environ::Files { home: &home.dir, install, managed, shared });
        let variable = |name: &str| env.text(View::Environ, name).map(Cow::Owned);
        let config = config::load(world, &home.dir, managed, &variable, shared);
        env.vaults = vault::read(world, &home.dir, &config.user);
        let store = store::load(world, &home.dir, home.root.as_deref(), shared);
        #[expect(clippy::cast_precision_loss, reason = "a clock in milliseconds fits a double exactly")]
        let now_ms = world.now_ms() as f64;
        Self { world, shared, home, env, config, store, now_ms, rules }
    }

    /// Now, in seconds.
    #[must_use]
    pub fn now(&self) -> f64 {
        self.now_ms / 1000.0
    }

    /// Files that could not be read.
    #[must_use]
    pub fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        let all = self.env.troubles.iter().chain(&self.config.troubles).cloned();
        all.chain(self.store.trouble()).collect()
    }

    /// The base address of a provider for a key: what a variable says, what the key's shape says, the default.
    #[must_use]
    pub fn base_of(&self, provider: &Provider, moved: Option<&str>, token: &str) -> String {
        if let Some(moved) = moved {
            return moved.trim_end_matches('/').to_owned();
        }
        match provider.id {
            "kimi-coding" | "kimi-coding-cn" if token.starts_with("sk-kimi-") => {
                "https://api.kimi.com/coding".to_owned()
            }
            "zai" => self.zai_base(token).unwrap_or_else(|| provider.base.to_owned()),
            _ => provider.base.to_owned(),
        }
    }

    /// Z.AI's address as Hermes found it out earlier for this key.
    fn zai_base(&self, token: &str) -> Option<String> {
        let state = self.store.state("zai")?;
        let cached = state.json.get("detected_endpoint")?;
        let hash = cached.get("key_hash")?.as_str()?;
        let same = hash == crate::secret::Secret::new(token).sha256_hex(16);
        same.then(|| cached.get("base_url")?.as_str().map(str::to_owned)).flatten()
    }

    /// A provider's base variable in `os.environ`.
    #[must_use]
    pub fn moved(&self, provider: &Provider) -> Option<String> {
        self.env.plain(View::Environ, provider.base_var?)
    }

    /// `model.api_key`, where it belongs to this endpoint's pool.
    #[must_use]
    pub fn model_key_for(&self, custom: &Custom) -> Option<Field> {
        let base = self.config.base_url();
        if self.config.provider() != "custom" || base.is_empty() {
            return None;
        }
        let key = self.config.model_key()?;
        let owner = custom::pool_key(&self.config, &base, None)?;
        (owner.slug() == custom.slug()).then_some(key)
    }
}
