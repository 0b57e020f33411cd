//! Hermes' providers as data: ids, aliases, key variables in order, base addresses (hermes-agent 0.19.0
//! `hermes_cli/auth.py` `PROVIDER_REGISTRY`, `resolve_provider`, and `plugins/model-providers/*`).

/// How a provider authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// A key, from the pool or a variable.
    ApiKey,
    /// A login that Hermes keeps or borrows.
    Login,
    /// Something that is computed when a request is made (AWS, Google, a subprocess).
    Computed,
}

/// One provider of Hermes.
#[derive(Debug)]
pub struct Provider {
    /// Hermes' id.
    pub id: &'static str,
    /// The catalogue's id.
    pub catalogue: Option<&'static str>,
    /// How it authenticates.
    pub auth: Auth,
    /// The default base address.
    pub base: &'static str,
    /// The key variables, first asked first.
    pub keys: &'static [&'static str],
    /// The variable that moves the base address.
    pub base_var: Option<&'static str>,
}

const fn key(
    id: &'static str,
    catalogue: Option<&'static str>,
    base: &'static str,
    keys: &'static [&'static str],
    base_var: Option<&'static str>,
) -> Provider {
    Provider { id, catalogue, auth: Auth::ApiKey, base, keys, base_var }
}

const fn other(
    id: &'static str,
    catalogue: Option<&'static str>,
    auth: Auth,
    base: &'static str,
) -> Provider {
    Provider { id, catalogue, auth, base, keys: &[], base_var: None }
}

/// OpenRouter is outside of Hermes' registry and has rules of its own.
pub const OPENROUTER: Provider = key(
    "openrouter",
    Some("openrouter"),
    "https://openrouter.ai/api/v1",
    &["OPENROUTER_API_KEY", "OPENAI_API_KEY"],
    Some("OPENROUTER_BASE_URL"),
);

/// The registry in its own order, which is the order of the automatic choice.
pub const REGISTRY: &[Provider] = &[
    other("nous", Some("nous"), Auth::Login, "https://inference-api.nousresearch.com/v1"),
    other("openai-codex", None, Auth::Login, "https://chatgpt.com/backend-api/codex"),
    key(
        "openai-api",
        Some("openai"),
        "https://api.openai.com/v1",
        &["OPENAI_API_KEY"],
        Some("OPENAI_BASE_URL"),
    ),
    other("xai-oauth", None, Auth::Login, "https://api.x.ai/v1"),
    other("qwen-oauth", None, Auth::Login, "https://portal.qwen.ai/v1"),
    key("lmstudio", Some("lmstudio"), "http://127.0.0.1:1234/v1", &["LM_API_KEY"], Some("LM_BASE_URL")),
    key(
        "copilot",
        Some("github-copilot"),
        "https://api.githubcopilot.com",
        &["COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"],
        Some("COPILOT_API_BASE_URL"),
    ),
    other("copilot-acp", None, Auth::Computed, "acp://copilot"),
    key(
        "gemini",
        Some("gemini"),
        "https://generativelanguage.googleapis.com/v1beta",
        &["GOOGLE_API_KEY", "GEMINI_API_KEY"],
        Some("GEMINI_BASE_URL"),
    ),
    key(
        "zai",
        Some("zai"),
        "https://api.z.ai/api/paas/v4",
        &["GLM_API_KEY", "ZAI_API_KEY", "Z_AI_API_KEY"],
        Some("GLM_BASE_URL"),
    ),
    key(
        "kimi-coding",
        Some("moonshot"),
        "https://api.moonshot.ai/v1",
        &["KIMI_API_KEY", "KIMI_CODING_API_KEY"],
        Some("KIMI_BASE_URL"),
    ),
    key("kimi-coding-cn", Some("moonshot-cn"), "https://api.moonshot.cn/v1", &["KIMI_CN_API_KEY"], None),
    key(
        "stepfun",
        Some("stepfun"),
        "https://api.stepfun.ai/step_plan/v1",
        &["STEPFUN_API_KEY"],
        Some("STEPFUN_BASE_URL"),
    ),
    key("arcee", None, "https://api.arcee.ai/api/v1", &["ARCEEAI_API_KEY"], Some("ARCEE_BASE_URL")),
    key("gmi", None, "https://api.gmi-serving.com/v1", &["GMI_API_KEY"], Some("GMI_BASE_URL")),
    key(
        "minimax",
        Some("minimax"),
        "https://api.minimax.io/anthropic",
        &["MINIMAX_API_KEY"],
        Some("MINIMAX_BASE_URL"),
    ),
    other("minimax-oauth", None, Auth::Login, "https://api.minimax.io/anthropic"),
    key(
        "anthropic",
        Some("anthropic"),
        "https://api.anthropic.com",
        &["ANTHROPIC_API_KEY", "ANTHROPIC_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"],
        Some("ANTHROPIC_BASE_URL"),
    ),
    key(
        "alibaba",
        Some("dashscope"),
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        &["DASHSCOPE_API_KEY"],
        Some("DASHSCOPE_BASE_URL"),
    ),
    key(
        "alibaba-coding-plan",
        None,
        "https://coding-intl.dashscope.aliyuncs.com/v1",
        &["ALIBABA_CODING_PLAN_API_KEY", "DASHSCOPE_API_KEY"],
        Some("ALIBABA_CODING_PLAN_BASE_URL"),
    ),
    key(
        "minimax-cn",
        Some("minimax-cn"),
        "https://api.minimaxi.com/anthropic",
        &["MINIMAX_CN_API_KEY"],
        Some("MINIMAX_CN_BASE_URL"),
    ),
    key(
        "deepseek",
        Some("deepseek"),
        "https://api.deepseek.com/v1",
        &["DEEPSEEK_API_KEY"],
        Some("DEEPSEEK_BASE_URL"),
    ),
    key("xai", Some("xai"), "https://api.x.ai/v1", &["XAI_API_KEY"], Some("XAI_BASE_URL")),
    key(
        "nvidia",
        Some("nvidia"),
        "https://integrate.api.nvidia.com/v1",
        &["NVIDIA_API_KEY"],
        Some("NVIDIA_BASE_URL"),
    ),
    key(
        "opencode-zen",
        None,
        "https://opencode.ai/zen/v1",
        &["OPENCODE_ZEN_API_KEY"],
        Some("OPENCODE_ZEN_BASE_URL"),
    ),
    key(
        "opencode-go",
        None,
        "https://opencode.ai/zen/go/v1",
        &["OPENCODE_GO_API_KEY"],
        Some("OPENCODE_GO_BASE_URL"),
    ),
    key(
        "kilocode",
        None,
        "https://api.kilo.ai/api/gateway",
        &["KILOCODE_API_KEY"],
        Some("KILOCODE_BASE_URL"),
    ),
    key(
        "huggingface",
        Some("huggingface"),
        "https://router.huggingface.co/v1",
        &["HF_TOKEN"],
        Some("HF_BASE_URL"),
    ),
    key("xiaomi", None, "https://api.xiaomimimo.com/v1", &["XIAOMI_API_KEY"], Some("XIAOMI_BASE_URL")),
    key(
        "tencent-tokenhub",
        None,
        "https://tokenhub.tencentmaas.com/v1",
        &["TOKENHUB_API_KEY"],
        Some("TOKENHUB_BASE_URL"),
    ),
    key("ollama-cloud", None, "https://ollama.com/v1", &["OLLAMA_API_KEY"], Some("OLLAMA_BASE_URL")),
    other("bedrock", Some("bedrock"), Auth::Computed, "https://bedrock-runtime.us-east-1.amazonaws.com"),
    key(
        "azure-foundry",
        Some("azure-openai"),
        "",
        &["AZURE_FOUNDRY_API_KEY"],
        Some("AZURE_FOUNDRY_BASE_URL"),
    ),
    key(
        "deepinfra",
        Some("deepinfra"),
        "https://api.deepinfra.com/v1/openai",
        &["DEEPINFRA_API_KEY"],
        Some("DEEPINFRA_BASE_URL"),
    ),
    key(
        "fireworks",
        Some("fireworks"),
        "https://api.fireworks.ai/inference/v1",
        &["FIREWORKS_API_KEY"],
        None,
    ),
    key("novita", None, "https://api.novita.ai/openai/v1", &["NOVITA_API_KEY"], Some("NOVITA_BASE_URL")),
    key("upstage", None, "https://api.upstage.ai/v1", &["UPSTAGE_API_KEY"], Some("UPSTAGE_BASE_URL")),
];

/// Other names of the providers.
const ALIASES: &[(&str, &[&str])] = &[
    ("alibaba", &["alibaba-cloud", "dashscope", "qwen-dashscope"]),
    ("alibaba-coding-plan", &["alibaba-coding", "alibaba_coding", "alibaba_coding_plan", "dashscope-coding"]),
    ("anthropic", &["claude", "claude-code", "claude-oauth"]),
    ("arcee", &["arcee-ai", "arceeai"]),
    ("azure-foundry", &["azure", "azure-ai", "azure-ai-foundry"]),
    ("bedrock", &["amazon", "amazon-bedrock", "aws", "aws-bedrock"]),
    ("copilot", &["github", "github-copilot", "github-model", "github-models"]),
    ("copilot-acp", &["copilot-acp-agent", "github-copilot-acp"]),
    ("custom", &["llama-cpp", "llama.cpp", "llamacpp", "local", "ollama", "vllm"]),
    ("deepinfra", &["deep-infra", "deepinfra-ai"]),
    ("deepseek", &["deepseek-chat"]),
    ("fireworks", &["fireworks-ai", "fw"]),
    ("gemini", &["google", "google-ai-studio", "google-gemini"]),
    ("gmi", &["gmi-cloud", "gmicloud"]),
    ("huggingface", &["hf", "hugging-face", "huggingface-hub"]),
    ("kilocode", &["kilo", "kilo-code", "kilo-gateway"]),
    ("kimi-coding", &["kimi", "kimi-for-coding", "moonshot"]),
    ("kimi-coding-cn", &["kimi-cn", "moonshot-cn"]),
    ("lmstudio", &["lm-studio", "lm_studio"]),
    ("minimax", &["mini-max"]),
    ("minimax-cn", &["minimax-china", "minimax_cn"]),
    ("minimax-oauth", &["minimax-global", "minimax-oauth-io", "minimax-portal", "minimax_oauth"]),
    ("nous", &["nous-portal", "nousresearch"]),
    ("novita", &["novita-ai", "novitaai"]),
    ("nvidia", &["nvidia-nim"]),
    ("ollama-cloud", &["ollama_cloud"]),
    ("openai-codex", &["codex", "openai_codex"]),
    ("opencode-go", &["go", "opencode-go-sub", "opencode_go"]),
    ("opencode-zen", &["opencode", "opencode_zen", "zen"]),
    ("openrouter", &["or"]),
    ("qwen-oauth", &["qwen", "qwen-cli", "qwen-portal"]),
    ("stepfun", &["step", "stepfun-coding-plan"]),
    ("tencent-tokenhub", &["tencent", "tencent-cloud", "tencentmaas", "tokenhub"]),
    ("upstage", &["solar"]),
    ("vertex", &["gcp-vertex", "google-vertex", "vertex-ai"]),
    ("xai", &["grok", "x-ai", "x.ai"]),
    ("xai-oauth", &["grok-oauth", "x-ai-oauth", "xai-grok-oauth"]),
    ("xiaomi", &["mimo", "xiaomi-mimo"]),
    ("zai", &["glm", "z-ai", "z.ai", "zhipu"]),
];

/// The provider with this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Provider> {
    static OPEN: Provider = OPENROUTER;
    if id == "openrouter" { Some(&OPEN) } else { REGISTRY.iter().find(|provider| provider.id == id) }
}

/// `resolve_provider` for a name that is not `auto`: the canonical id, `custom`, or none for an unknown provider.
#[must_use]
pub fn canonical(name: &str) -> Option<&'static str> {
    if name == "custom" {
        return Some("custom");
    }
    let of_alias = || ALIASES.iter().find(|(_, names)| names.contains(&name)).map(|(id, _)| *id);
    let id = find(name).map(|provider| provider.id).or_else(of_alias)?;
    (id == "custom" || find(id).is_some()).then_some(id)
}

/// Whether `name` asks for Google's Vertex AI.
#[must_use]
pub fn is_vertex(name: &str) -> bool {
    matches!(name, "vertex" | "google-vertex" | "vertex-ai" | "gcp-vertex" | "vertexai")
}

/// `has_usable_secret`: at least four characters and none of the placeholders of a set-up.
#[must_use]
pub fn is_usable(text: &str) -> bool {
    const PLACEHOLDERS: &[&str] = &[
        "*",
        "**",
        "***",
        "changeme",
        "your_api_key",
        "your_api_key_here",
        "your-api-key",
        "placeholder",
        "example",
        "dummy",
        "null",
        "none",
    ];
    let clean = text.trim();
    clean.chars().count() >= 4 && !PLACEHOLDERS.contains(&clean.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_providers() {
        for (name, id) in [
            ("claude", Some("anthropic")),
            ("glm", Some("zai")),
            ("moonshot", Some("kimi-coding")),
            ("or", Some("openrouter")),
            ("ollama", Some("custom")),
            ("deepseek", Some("deepseek")),
            ("openai", None),
            ("lab", None),
        ] {
            assert_eq!(canonical(name), id, "{name}");
        }
    }

    #[test]
    fn placeholders_and_scraps_are_not_usable() {
        assert!(is_usable(" sk-1 "));
        assert!(!is_usable("abc"));
        assert!(!is_usable("Your_API_Key_Here"));
        assert!(!is_usable("   "));
    }
}
