//! The providers as OpenClaw knows them: names, variables in their order, addresses and wire formats of the two
//! recorded versions (OpenClaw's provider catalogue, 2026.3.13 and 2026.9.6).

use serde_json::Value as Json;

use super::era::Rules;

/// How a request looks, as far as the credential goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    /// `x-api-key`, or a bearer token where the text contains `sk-ant-oat`.
    Messages,
    /// A bearer token.
    Bearer,
    /// `x-goog-api-key`.
    Google,
    /// No credential.
    Open,
    /// Unknown.
    Unknown,
}

/// How 2026.9.6 knows a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// The core itself, whatever plugins there are.
    Core,
    /// A plugin that is shipped along.
    Bundled,
    /// A plugin of its own, which must be installed for the variables to be recognised.
    Plugin,
    /// Not at all.
    Gone,
}

/// One row of OpenClaw's catalogue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// OpenClaw's name.
    pub id: &'static str,
    /// Its other names.
    pub aliases: &'static [&'static str],
    /// How 2026.9.6 knows it.
    pub home: Home,
    /// Its variables in 2026.9.6, the first set one wins.
    new_vars: &'static [&'static str],
    /// Its variables in 2026.3.13, or none if that version does not know it.
    old_vars: Option<&'static [&'static str]>,
    /// Its address; empty where it depends on more than the version.
    base: &'static str,
    /// Where 2026.3.13 differs.
    old_base: Option<&'static str>,
    api: Api,
    /// keymend's catalogue id; empty where there is none.
    pub catalogue: &'static str,
}

impl Known {
    /// The variables in the order of `rules`, or none if that version does not know the provider.
    pub(super) const fn vars(&self, rules: Rules) -> Option<&'static [&'static str]> {
        match (rules, self.home) {
            (Rules::Old, _) => self.old_vars,
            (Rules::New, Home::Gone) => None,
            (Rules::New, _) => Some(self.new_vars),
        }
    }

    /// The address without any configuration.
    pub(super) fn base(&self, rules: Rules) -> Option<&'static str> {
        let base = match rules {
            Rules::Old => self.old_base.unwrap_or(self.base),
            Rules::New => self.base,
        };
        (!base.is_empty()).then_some(base)
    }

    /// The wire format without any configuration.
    pub(super) fn api(&self, rules: Rules) -> Api {
        match (self.id, rules) {
            ("xiaomi", Rules::Old) => Api::Messages,
            // 2026.3.13 changes the token for another one first.
            ("github-copilot", Rules::Old) => Api::Unknown,
            _ => self.api,
        }
    }
}

use Home::{Bundled as B, Core as C, Gone as G, Plugin as X};

type Names = &'static [&'static str];

const fn row(
    id: &'static str,
    home: Home,
    new_vars: Names,
    old_vars: Option<Names>,
    base: &'static str,
    api: Api,
    catalogue: &'static str,
) -> Known {
    Known { id, aliases: &[], home, new_vars, old_vars, base, old_base: None, api, catalogue }
}

/// A row whose variables are the same in both versions.
const fn same(
    id: &'static str,
    home: Home,
    vars: Names,
    base: &'static str,
    api: Api,
    catalogue: &'static str,
) -> Known {
    row(id, home, vars, Some(vars), base, api, catalogue)
}

/// A row that 2026.3.13 does not know.
const fn later(
    id: &'static str,
    home: Home,
    vars: Names,
    base: &'static str,
    api: Api,
    catalogue: &'static str,
) -> Known {
    row(id, home, vars, None, base, api, catalogue)
}

impl Known {
    const fn also(mut self, aliases: Names) -> Self {
        self.aliases = aliases;
        self
    }

    const fn once(mut self, base: &'static str) -> Self {
        self.old_base = Some(base);
        self
    }
}

const QWEN: Names = &["QWEN_API_KEY", "MODELSTUDIO_API_KEY", "DASHSCOPE_API_KEY"];
const OPENCODE: Names = &["OPENCODE_API_KEY", "OPENCODE_ZEN_API_KEY"];
const CODING_INTL: &str = "https://coding-intl.dashscope.aliyuncs.com/v1";

/// The catalogue.
#[rustfmt::skip]
pub(super) const ALL: &[Known] = &[
    same("anthropic", C, &["ANTHROPIC_OAUTH_TOKEN", "ANTHROPIC_API_KEY"], "https://api.anthropic.com", Api::Messages, "anthropic"),
    row("openai", C, &["CODEX_API_KEY", "OPENAI_API_KEY"], Some(&["OPENAI_API_KEY"]), "https://api.openai.com/v1", Api::Bearer, "openai"),
    row("openai-codex", G, &[], Some(&[]), "https://chatgpt.com/backend-api", Api::Bearer, "openai"),
    row("google", B, &["GEMINI_API_KEY", "GOOGLE_API_KEY"], Some(&["GEMINI_API_KEY"]), "https://generativelanguage.googleapis.com/v1beta", Api::Google, "gemini"),
    same("google-vertex", B, &["GOOGLE_CLOUD_API_KEY"], "", Api::Unknown, "vertex"),
    same("openrouter", B, &["OPENROUTER_API_KEY"], "https://openrouter.ai/api/v1", Api::Bearer, "openrouter"),
    same("xai", B, &["XAI_API_KEY"], "https://api.x.ai/v1", Api::Bearer, "xai").also(&["x-ai"]),
    row("github-copilot", B, &["COPILOT_GITHUB_TOKEN"], Some(&["COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"]), "https://api.individual.githubcopilot.com", Api::Bearer, "github-copilot"),
    same("huggingface", B, &["HUGGINGFACE_HUB_TOKEN", "HF_TOKEN"], "https://router.huggingface.co/v1", Api::Bearer, "huggingface"),
    same("nvidia", B, &["NVIDIA_API_KEY"], "https://integrate.api.nvidia.com/v1", Api::Bearer, "nvidia"),
    same("together", B, &["TOGETHER_API_KEY"], "https://api.together.xyz/v1", Api::Bearer, "together"),
    row("minimax", B, &["MINIMAX_CODE_PLAN_KEY", "MINIMAX_CODING_API_KEY", "MINIMAX_API_KEY"], Some(&["MINIMAX_API_KEY"]), "https://api.minimax.io/anthropic", Api::Messages, "minimax"),
    row("minimax-cn", B, &["MINIMAX_CODE_PLAN_KEY", "MINIMAX_CODING_API_KEY", "MINIMAX_API_KEY"], Some(&["MINIMAX_API_KEY"]), "https://api.minimaxi.com/anthropic", Api::Messages, "minimax-cn"),
    same("minimax-portal", B, &["MINIMAX_OAUTH_TOKEN", "MINIMAX_API_KEY"], "https://api.minimax.io/anthropic", Api::Messages, "minimax"),
    same("opencode-go", B, OPENCODE, "https://opencode.ai/zen/go/v1", Api::Bearer, ""),
    same("opencode", X, OPENCODE, "https://opencode.ai/zen", Api::Unknown, "").also(&["opencode-zen"]),
    same("ollama", B, &["OLLAMA_API_KEY"], "http://127.0.0.1:11434", Api::Open, "ollama"),
    later("ollama-cloud", B, &["OLLAMA_API_KEY"], "https://ollama.com", Api::Bearer, "ollama"),
    same("vllm", B, &["VLLM_API_KEY"], "http://127.0.0.1:8000/v1", Api::Bearer, ""),
    same("sglang", B, &["SGLANG_API_KEY"], "http://127.0.0.1:30000/v1", Api::Bearer, ""),
    later("lmstudio", B, &["LM_API_TOKEN"], "http://localhost:1234/v1", Api::Bearer, "lmstudio"),
    same("litellm", B, &["LITELLM_API_KEY"], "http://localhost:4000", Api::Bearer, ""),
    later("microsoft-foundry", B, &["AZURE_OPENAI_API_KEY"], "", Api::Unknown, "azure-openai"),
    later("clawrouter", B, &["CLAWROUTER_API_KEY"], "", Api::Bearer, ""),
    later("fal", B, &["FAL_KEY", "FAL_API_KEY"], "https://fal.run", Api::Unknown, ""),
    later("alibaba", B, &["MODELSTUDIO_API_KEY", "DASHSCOPE_API_KEY", "QWEN_API_KEY"], "https://dashscope-intl.aliyuncs.com", Api::Unknown, "dashscope"),
    later("qwen-dashscope", C, &["DASHSCOPE_API_KEY"], "", Api::Bearer, "dashscope"),
    later("anthropic-openai", C, &["ANTHROPIC_API_KEY"], "", Api::Bearer, "anthropic"),
    same("amazon-bedrock", X, &["AWS_BEARER_TOKEN_BEDROCK"], "", Api::Unknown, "bedrock"),
    later("amazon-bedrock-mantle", X, &["AWS_BEARER_TOKEN_BEDROCK"], "https://bedrock-mantle.us-east-1.api.aws/v1", Api::Unknown, "bedrock"),
    row("azure-openai-responses", G, &[], Some(&["AZURE_OPENAI_API_KEY"]), "", Api::Unknown, "azure-openai"),
    later("arcee", X, &["ARCEEAI_API_KEY"], "https://api.arcee.ai/api/v1", Api::Bearer, ""),
    later("baseten", X, &["BASETEN_API_KEY"], "https://inference.baseten.co/v1", Api::Bearer, ""),
    same("byteplus", X, &["BYTEPLUS_API_KEY"], "https://ark.ap-southeast.bytepluses.com/api/v3", Api::Bearer, ""),
    same("byteplus-plan", X, &["BYTEPLUS_API_KEY"], "https://ark.ap-southeast.bytepluses.com/api/coding/v3", Api::Bearer, ""),
    same("cerebras", X, &["CEREBRAS_API_KEY"], "https://api.cerebras.ai/v1", Api::Bearer, "cerebras"),
    row("chutes", X, &["CHUTES_API_KEY", "CHUTES_OAUTH_TOKEN"], Some(&["CHUTES_OAUTH_TOKEN", "CHUTES_API_KEY"]), "https://llm.chutes.ai/v1", Api::Bearer, ""),
    same("cloudflare-ai-gateway", X, &["CLOUDFLARE_AI_GATEWAY_API_KEY"], "", Api::Unknown, ""),
    later("cohere", X, &["COHERE_API_KEY"], "https://api.cohere.ai/compatibility/v1", Api::Bearer, "cohere"),
    later("deepinfra", X, &["DEEPINFRA_API_KEY"], "https://api.deepinfra.com/v1/openai", Api::Bearer, "deepinfra"),
    later("deepseek", X, &["DEEPSEEK_API_KEY"], "https://api.deepseek.com", Api::Bearer, "deepseek"),
    later("featherless", X, &["FEATHERLESS_API_KEY"], "https://api.featherless.ai/v1", Api::Bearer, ""),
    later("fireworks", X, &["FIREWORKS_API_KEY"], "https://api.fireworks.ai/inference/v1", Api::Bearer, "fireworks").also(&["fireworks-ai"]),
    later("gmi", X, &["GMI_API_KEY"], "https://api.gmi-serving.com/v1", Api::Bearer, "").also(&["gmi-cloud", "gmicloud"]),
    same("groq", X, &["GROQ_API_KEY"], "https://api.groq.com/openai/v1", Api::Bearer, "groq"),
    same("kilocode", X, &["KILOCODE_API_KEY"], "https://api.kilo.ai/api/gateway/", Api::Bearer, ""),
    same("kimi", X, &["KIMI_API_KEY", "KIMICODE_API_KEY"], "https://api.kimi.com/coding/", Api::Messages, "kimi-code").also(&["kimi-coding"]),
    later("longcat", X, &["LONGCAT_API_KEY"], "https://api.longcat.chat/openai", Api::Bearer, ""),
    later("meta", X, &["MODEL_API_KEY"], "https://api.meta.ai/v1", Api::Bearer, ""),
    same("mistral", X, &["MISTRAL_API_KEY"], "https://api.mistral.ai/v1", Api::Bearer, "mistral"),
    row("moonshot", X, &["MOONSHOT_API_KEY", "KIMI_API_KEY"], Some(&["MOONSHOT_API_KEY"]), "https://api.moonshot.ai/v1", Api::Bearer, "moonshot").also(&["moonshotai"]),
    later("novita", X, &["NOVITA_API_KEY"], "https://api.novita.ai/openai/v1", Api::Bearer, ""),
    same("qianfan", X, &["QIANFAN_API_KEY"], "https://qianfan.baidubce.com/v2", Api::Bearer, "qianfan"),
    row("qwen", X, QWEN, None, "", Api::Bearer, "dashscope").also(&["qwencloud", "dashscope"]),
    row("modelstudio", X, QWEN, Some(&["MODELSTUDIO_API_KEY"]), "", Api::Bearer, "dashscope").once(CODING_INTL),
    later("qwen-token-plan", X, &["QWEN_TOKEN_PLAN_API_KEY"], "", Api::Bearer, "dashscope"),
    row("qwen-portal", G, &[], Some(&["QWEN_OAUTH_TOKEN", "QWEN_PORTAL_API_KEY"]), "https://portal.qwen.ai/v1", Api::Bearer, "dashscope"),
    later("radius", X, &["RADIUS_API_KEY"], "", Api::Unknown, ""),
    later("stepfun", X, &["STEPFUN_API_KEY"], "https://api.stepfun.ai/v1", Api::Bearer, "stepfun"),
    later("stepfun-plan", X, &["STEPFUN_API_KEY"], "https://api.stepfun.ai/step_plan/v1", Api::Bearer, "stepfun"),
    same("synthetic", X, &["SYNTHETIC_API_KEY"], "https://api.synthetic.new/anthropic", Api::Messages, ""),
    later("tencent-tokenhub", X, &["TOKENHUB_API_KEY"], "https://tokenhub.tencentmaas.com/v1", Api::Bearer, "hunyuan"),
    later("tencent-tokenplan", X, &["TOKENPLAN_API_KEY"], "https://api.lkeap.cloud.tencent.com/plan/v3", Api::Bearer, "hunyuan"),
    same("venice", X, &["VENICE_API_KEY"], "https://api.venice.ai/api/v1", Api::Bearer, "venice"),
    same("vercel-ai-gateway", X, &["AI_GATEWAY_API_KEY"], "https://ai-gateway.vercel.sh", Api::Messages, "vercel-ai-gateway"),
    same("volcengine", X, &["VOLCANO_ENGINE_API_KEY"], "https://ark.cn-beijing.volces.com/api/v3", Api::Bearer, "volcengine"),
    same("volcengine-plan", X, &["VOLCANO_ENGINE_API_KEY"], "https://ark.cn-beijing.volces.com/api/coding/v3", Api::Bearer, "volcengine"),
    same("voyage", X, &["VOYAGE_API_KEY"], "https://api.voyageai.com/v1", Api::Unknown, ""),
    same("xiaomi", X, &["XIAOMI_API_KEY"], "https://api.xiaomimimo.com/v1", Api::Bearer, "").once("https://api.xiaomimimo.com/anthropic"),
    later("xiaomi-token-plan", X, &["XIAOMI_TOKEN_PLAN_API_KEY"], "", Api::Bearer, ""),
    same("zai", X, &["ZAI_API_KEY", "Z_AI_API_KEY"], "", Api::Bearer, "zai").also(&["z-ai", "z.ai"]).once("https://api.z.ai/api/coding/paas/v4"),
];

/// Names that 2026.9.6 takes for a variable's name although no provider of its core has them
/// (`src/agents/model-auth-markers.ts`).
const LEGACY_MARKERS: Names = &[
    "GOOGLE_API_KEY",
    "DEEPSEEK_API_KEY",
    "PERPLEXITY_API_KEY",
    "FIREWORKS_API_KEY",
    "NOVITA_API_KEY",
    "AZURE_OPENAI_API_KEY",
    "AZURE_API_KEY",
    "MINIMAX_CODE_PLAN_KEY",
];

/// Names whose variables the core of 2026.9.6 knows although their provider is a plugin.
const CORE_PLUGINS: Names = &["cerebras", "voyage"];

/// The provider's name as OpenClaw keeps it: trimmed, lower case, 2026.3.13's other names replaced.
pub(super) fn normalise(rules: Rules, id: &str) -> String {
    let id = id.trim().to_ascii_lowercase();
    let renamed = match (rules, id.as_str()) {
        (Rules::Old, "qwen") => "qwen-portal",
        (Rules::Old, "kimi-code") => "kimi-coding",
        (Rules::Old, "bedrock" | "aws-bedrock") => "amazon-bedrock",
        (Rules::Old, "bytedance" | "doubao") => "volcengine",
        (Rules::Old, "z.ai" | "z-ai") => "zai",
        (Rules::Old, "opencode-zen") => "opencode",
        _ => return id,
    };
    renamed.to_owned()
}

/// The name under which credentials are kept: a plan shares them with its base.
pub(super) fn auth_id(rules: Rules, id: &str) -> String {
    let id = normalise(rules, id);
    match id.as_str() {
        "volcengine-plan" => "volcengine".to_owned(),
        "byteplus-plan" => "byteplus".to_owned(),
        _ => id,
    }
}

/// The row of a provider, by its name or one of its others.
pub(super) fn find(id: &str) -> Option<&'static Known> {
    ALL.iter().find(|known| known.id == id).or_else(|| ALL.iter().find(|known| known.aliases.contains(&id)))
}

/// Every variable that the version of `rules` knows.
pub(super) fn all_variables(rules: Rules) -> Vec<&'static str> {
    ALL.iter().filter_map(|known| known.vars(rules)).flatten().copied().collect()
}

/// Whether any version knows this variable for some provider.
pub(super) fn any_variable(name: &str) -> bool {
    ALL.iter().any(|known| {
        known.new_vars.contains(&name) || known.old_vars.is_some_and(|vars| vars.contains(&name))
    })
}

/// Which provider plugins 2026.9.6 has.
#[derive(Clone, Debug, Default)]
pub(super) struct Plugins {
    /// Everything that the index of installed plugins names.
    installed: Vec<String>,
    /// `plugins.allow`, where it is set and not empty.
    allowed: Option<Vec<String>>,
}

/// Whether a variable of a provider is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recognised {
    /// It is.
    Yes,
    /// Its plugin is not installed.
    NoPlugin,
    /// Its shipped plugin is not in `plugins.allow`; what happens then is unknown.
    NotAllowed,
}

impl Plugins {
    /// From the row `plugins.installedIndex` and `plugins.allow`.
    pub(super) fn new(index: Option<&Json>, allow: Option<&Json>) -> Self {
        let mut installed = Vec::new();
        if let Some(index) = index {
            collect_names(index, &mut installed);
        }
        let allowed = allow.and_then(Json::as_array).filter(|list| !list.is_empty());
        let allowed =
            allowed.map(|list| list.iter().filter_map(Json::as_str).map(ToOwned::to_owned).collect());
        Self { installed, allowed }
    }

    /// Whether the variables of `known` are recognised under `rules`.
    pub(super) fn recognise(&self, rules: Rules, known: &Known) -> Recognised {
        let named = |list: &[String]| {
            list.iter().any(|name| name == known.id || known.aliases.contains(&name.as_str()))
        };
        match (rules, known.home) {
            (Rules::Old, _) | (_, Home::Core) => Recognised::Yes,
            _ if CORE_PLUGINS.contains(&known.id) || named(&self.installed) => Recognised::Yes,
            (_, Home::Bundled) if self.allowed.as_ref().is_none_or(|list| named(list)) => Recognised::Yes,
            (_, Home::Bundled) => Recognised::NotAllowed,
            (_, Home::Plugin | Home::Gone) => Recognised::NoPlugin,
        }
    }

    /// Whether a bare text is a variable's name to this version rather than a key.
    pub(super) fn is_marker(&self, rules: Rules, text: &str) -> bool {
        LEGACY_MARKERS.contains(&text)
            || ALL.iter().any(|known| {
                known.vars(rules).is_some_and(|vars| vars.contains(&text))
                    && self.recognise(rules, known) != Recognised::NoPlugin
            })
    }
}

/// Every text and member name of a JSON value, the last part of a package name too.
fn collect_names(value: &Json, names: &mut Vec<String>) {
    match value {
        Json::String(text) => names.extend(text.rsplit('/').next().map(ToOwned::to_owned)),
        Json::Array(items) => items.iter().for_each(|item| collect_names(item, names)),
        Json::Object(map) => map.iter().for_each(|(name, item)| {
            names.push(name.clone());
            collect_names(item, names);
        }),
        _ => {}
    }
}

/// Texts that are where a key would and are none.
pub(super) fn is_non_secret(text: &str) -> bool {
    const FIXED: Names = &[
        "secretref-managed",
        "minimax-oauth",
        "qwen-oauth",
        "ollama-local",
        "lmstudio-local",
        "apple-fm-local",
        "custom-local",
        "codex-app-server",
        "gcp-vertex-credentials",
        "openclaw:claude-cli-native-auth",
        "AWS_BEARER_TOKEN_BEDROCK",
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "__OPENCLAW_REDACTED__",
    ];
    FIXED.contains(&text) || text.starts_with("oauth:") || text.starts_with("secretref-env:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_variables_depends_on_the_version() {
        let openai = find("openai").unwrap();
        assert_eq!(openai.vars(Rules::New), Some(["CODEX_API_KEY", "OPENAI_API_KEY"].as_slice()));
        assert_eq!(openai.vars(Rules::Old), Some(["OPENAI_API_KEY"].as_slice()));
        assert_eq!(find("qwen-portal").unwrap().vars(Rules::New), None);
    }

    #[test]
    fn a_plugin_provider_is_recognised_once_its_plugin_is_installed() {
        let groq = find("groq").unwrap();
        let none = Plugins::default();
        assert_eq!(none.recognise(Rules::New, groq), Recognised::NoPlugin);
        assert_eq!(none.recognise(Rules::Old, groq), Recognised::Yes);
        assert!(!none.is_marker(Rules::New, "GROQ_API_KEY") && none.is_marker(Rules::Old, "GROQ_API_KEY"));
        let index = serde_json::json!({"plugins": [{"id": "groq"}]});
        assert_eq!(Plugins::new(Some(&index), None).recognise(Rules::New, groq), Recognised::Yes);
        let allow = serde_json::json!(["anthropic"]);
        let narrow = Plugins::new(None, Some(&allow));
        assert_eq!(narrow.recognise(Rules::New, find("openrouter").unwrap()), Recognised::NotAllowed);
        assert!(narrow.is_marker(Rules::New, "OPENAI_API_KEY"));
    }

    #[test]
    fn every_row_has_its_own_name() {
        let mut ids: Vec<_> = ALL.iter().map(|known| known.id).collect();
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}
