//! What comes behind the profiles: the provider's variables, the configured key, the generated `models.json`, and the
//! placeholder for local servers.

use serde_json::Value as Json;

use super::auth::Question;
use super::credential::{Configured, Material};
use super::era::Rules;
use super::providers::{self, Recognised};
use super::steps::{Steps, push_configured};
use super::store::strict_json;
use super::{clean, text};
use crate::resolve::Offer;
use crate::secret::Secret;
use crate::source::{Format, Place, Pointer, Source, Value};

impl Question<'_> {
    /// The provider's variables in their order.
    pub(super) fn push_env(&self, steps: &mut Steps, off: Option<&str>) {
        let Some(known) = self.known() else { return };
        let site = self.site;
        let unknown = format!("this version has no provider {} with variables", known.id);
        let recognised = site.plugins.recognise(site.rules, known);
        let vars = known.vars(site.rules);
        let off = match (vars, recognised) {
            _ if off.is_some() => off.map(ToOwned::to_owned),
            (None, _) => Some(unknown),
            (_, Recognised::NoPlugin) => {
                Some(format!("the plugin {} is not installed, so its variables are not known", known.id))
            }
            _ => None,
        };
        for name in vars.or(known.vars(Rules::Old)).unwrap_or_default() {
            let why = format!("no stored profile is used, and {name} is the first variable that is set");
            for offer in site.env.offers(name, &why, off.as_deref()) {
                let material = match recognised {
                    Recognised::NotAllowed => Some(Material::Unknown(format!(
                        "plugins.allow does not name {}, and what then becomes of its variables is unknown",
                        known.id
                    ))),
                    _ => site.env.get(name).and_then(|hit| hit.sent()).map(Material::Text),
                };
                steps.push(offer, material);
            }
        }
    }

    /// The configured key behind profiles and environment.
    pub(super) fn push_config(&self, steps: &mut Steps, configured: &Configured) {
        let place = self.site.provider_place(self.provider(), "apiKey");
        match configured {
            Configured::Literal(found)
            | Configured::Reference(found)
            | Configured::Marker(_, Some(found)) => {
                push_configured(
                    steps,
                    found,
                    "neither a profile nor a variable is there, so the configured key is sent",
                );
            }
            Configured::Marker(name, None) => {
                let value = Value::Reference(name.clone());
                let why = format!("it names the variable {name}, which is not set");
                steps.push(Offer::ignored(Source::Config, place, value, why), None);
            }
            Configured::NonSecret(name) => {
                let value = Value::Reference(clean(name));
                steps.push(
                    Offer::ignored(Source::Config, place, value, "it is a marker of OpenClaw, not a key"),
                    None,
                );
            }
            Configured::None | Configured::Broken(_) | Configured::Binding(_) => {}
        }
    }

    /// The key in the agent's generated `models.json`, which is not used where the configuration or OpenClaw itself
    /// knows the provider.
    pub(super) fn push_models_json(&self, steps: &mut Steps) {
        let file = self.site.agent_dir(self.agent).join("models.json");
        let Some(key) =
            self.model.generated.and_then(|entry| text(entry, "apiKey")).filter(|key| !key.is_empty())
        else {
            return;
        };
        if providers::is_non_secret(key) || providers::any_variable(key) {
            return;
        }
        let pointer = Pointer::new(["providers", self.provider(), "apiKey"]);
        let place = Place::Field { file, format: Format::Json, pointer };
        let value = Value::Present(Secret::new(key));
        let configured = self.site.provider_value(self.provider(), "baseUrl").is_some();
        if configured || self.known().is_some() {
            let why = "a key in the generated models.json is not used";
            steps.push(Offer::ignored(Source::Config, place, value, why), None);
            return;
        }
        let why = "only the generated models.json has a key";
        let unknown = "whether a provider that is in models.json alone is used is unknown".to_owned();
        steps.push(Offer::usable(Source::Config, place, value, why), Some(Material::Unknown(unknown)));
    }

    /// The logins of other programs, which OpenClaw does not use for its own requests.
    pub(super) fn push_other_programs(&self, steps: &mut Steps) {
        let (path, steps_to, program) = match self.provider() {
            "openai" => (".codex/auth.json", ["OPENAI_API_KEY"].as_slice(), "the Codex CLI"),
            "anthropic" => {
                (".claude/.credentials.json", ["claudeAiOauth", "accessToken"].as_slice(), "Claude Code")
            }
            _ => return,
        };
        let file = self.site.install.home.join(path);
        let doc = strict_json(self.site, &file);
        let found = doc.as_ref().and_then(|doc| steps_to.iter().try_fold(doc, |value, step| value.get(step)));
        let Some(key) = found.and_then(Json::as_str).filter(|key| !key.is_empty()) else { return };
        let pointer = Pointer::new(steps_to.iter().copied());
        let place = Place::Field { file, format: Format::Json, pointer };
        let why = format!("it belongs to {program}; OpenClaw does not use it for requests of its own");
        steps.push(Offer::ignored(Source::AuthFile, place, Value::Present(Secret::new(key)), why), None);
    }

    /// A local server without a key gets a placeholder.
    pub(super) fn push_local(&self, steps: &mut Steps) {
        let base =
            self.site.provider_value(self.provider(), "baseUrl").and_then(Json::as_str).unwrap_or_default();
        let local =
            ["//localhost", "//127.0.0.1", "//0.0.0.0", "//[::1]"].iter().any(|host| base.contains(host));
        let models = self.site.provider_value(self.provider(), "models").and_then(Json::as_array);
        let keyless = self.site.provider_value(self.provider(), "apiKey").is_none();
        let custom = local && keyless && models.is_some_and(|list| !list.is_empty());
        let shipped = matches!(self.provider(), "vllm" | "sglang" | "lmstudio" | "litellm");
        if !custom && !shipped {
            return;
        }
        let place = Place::BuiltIn { what: "the placeholder for local servers".to_owned() };
        let value = Value::Present(Secret::new("custom-local"));
        let unknown = "what is sent to a local server without a key is unknown".to_owned();
        let offer = Offer::usable(Source::BuiltIn, place, value, "a local server needs no key");
        steps.push(offer, Some(Material::Unknown(unknown)));
    }
}
