//! Goose's providers: what each takes as its key, and where it goes.
//!
//! From the list that Goose 1.34.0 itself gives (`goose acp`, `_goose/providers/list`: 54 providers, all of them here) and
//! the 23 definitions inside the program; header, host and the handling of an empty key from runs of each.

/// How a provider comes by its credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A secret without which it does not start; an empty one is sent.
    Key,
    /// A secret without which it does not start; with an empty one the request has none.
    KeyOrEmpty,
    /// A secret and headers beside it, fetched together: the environment's texts as they are. Without a secret, or with an
    /// empty one, the request has none.
    WithHeaders(Companion),
    /// No key, for this reason.
    Nothing(&'static str),
    /// A secret; without one this is used.
    KeyOrLogin(&'static str),
    /// A secret that is not empty; without one this is used.
    FullKeyOrLogin(&'static str),
    /// A secret that another host exchanges for what is sent; in words.
    Exchanged(&'static str),
    /// The bearer of Amazon Bedrock, else AWS's own credentials.
    AwsBearer,
    /// Somebody else has the credential; in words.
    Elsewhere(&'static str),
}

/// The secret with further headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Companion {
    /// Its name.
    pub name: &'static str,
    /// What is between two headers.
    pub between: char,
    /// What is between a header's name and its value.
    pub pair: char,
}

/// The header that carries the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// `Authorization: Bearer`.
    Bearer,
    /// A header of this name.
    Raw(&'static str),
}

/// A provider.
#[derive(Debug)]
pub struct Row {
    /// Goose's name for it.
    pub id: &'static str,
    /// keymend's catalogue id.
    pub catalogue: Option<&'static str>,
    /// The name of its secret; empty where it has none.
    pub key: &'static str,
    /// The header of its key.
    pub carries: Carries,
    /// How it comes by its credential.
    pub takes: Takes,
    /// The setting that names its host; empty where there is none.
    pub host: &'static str,
    /// Its host without that setting; empty where the setting has to be there.
    pub default: &'static str,
    /// What is behind the host.
    pub path: &'static str,
    /// It is one of the definitions inside the program, which Goose reads together with a person's own.
    pub defined: bool,
}

const fn row(
    id: &'static str,
    catalogue: Option<&'static str>,
    key: &'static str,
    takes: Takes,
    host: &'static str,
    default: &'static str,
) -> Row {
    Row { id, catalogue, key, carries: Carries::Bearer, takes, host, default, path: "", defined: false }
}

/// A definition of the engine `openai`, at a fixed address.
const fn fixed(
    id: &'static str,
    catalogue: Option<&'static str>,
    key: &'static str,
    base: &'static str,
) -> Row {
    defined(row(id, catalogue, key, Takes::KeyOrEmpty, "", base))
}

#[expect(clippy::needless_pass_by_value, reason = "a constant is built from another one")]
const fn defined(row: Row) -> Row {
    Row { defined: true, ..row }
}

/// A server on the person's own machine.
const fn local(
    id: &'static str,
    catalogue: Option<&'static str>,
    host: &'static str,
    default: &'static str,
) -> Row {
    row(id, catalogue, "", Takes::Nothing("Goose sends this server no key"), host, default)
}

/// Another program, or a login, has the credential.
const fn elsewhere(id: &'static str, why: &'static str) -> Row {
    row(id, None, "", Takes::Elsewhere(why), "", "")
}

#[expect(clippy::needless_pass_by_value, reason = "a constant is built from another one")]
const fn raw(header: &'static str, row: Row) -> Row {
    Row { carries: Carries::Raw(header), ..row }
}

#[expect(clippy::needless_pass_by_value, reason = "a constant is built from another one")]
const fn behind(path: &'static str, row: Row) -> Row {
    Row { path, ..row }
}

const OPENAI_HEADERS: Companion = Companion { name: "OPENAI_CUSTOM_HEADERS", between: ',', pair: '=' };
const LITELLM_HEADERS: Companion = Companion { name: "LITELLM_CUSTOM_HEADERS", between: '\n', pair: ':' };

const AWS: &str = "AWS's own credentials sign the request";

/// All of them, those that most people use first.
pub const PROVIDERS: &[Row] = &[
    raw(
        "x-api-key",
        row(
            "anthropic",
            Some("anthropic"),
            "ANTHROPIC_API_KEY",
            Takes::Key,
            "ANTHROPIC_HOST",
            "https://api.anthropic.com",
        ),
    ),
    row(
        "openai",
        Some("openai"),
        "OPENAI_API_KEY",
        Takes::WithHeaders(OPENAI_HEADERS),
        "OPENAI_HOST",
        "https://api.openai.com",
    ),
    raw(
        "x-goog-api-key",
        row(
            "google",
            Some("gemini"),
            "GOOGLE_API_KEY",
            Takes::Key,
            "GOOGLE_HOST",
            "https://generativelanguage.googleapis.com",
        ),
    ),
    row(
        "openrouter",
        Some("openrouter"),
        "OPENROUTER_API_KEY",
        Takes::Key,
        "OPENROUTER_HOST",
        "https://openrouter.ai",
    ),
    row("avian", None, "AVIAN_API_KEY", Takes::Key, "AVIAN_HOST", "https://api.avian.io/v1"),
    row("nano-gpt", None, "NANOGPT_API_KEY", Takes::Key, "", "https://nano-gpt.com/api/v1"),
    row("tetrate", None, "TETRATE_API_KEY", Takes::Key, "TETRATE_HOST", "https://api.router.tetrate.ai"),
    behind(
        "/api/v1",
        row("venice", Some("venice"), "VENICE_API_KEY", Takes::Key, "VENICE_HOST", "https://api.venice.ai"),
    ),
    row("xai", Some("xai"), "XAI_API_KEY", Takes::Key, "XAI_HOST", "https://api.x.ai/v1"),
    row(
        "litellm",
        None,
        "LITELLM_API_KEY",
        Takes::WithHeaders(LITELLM_HEADERS),
        "LITELLM_HOST",
        "https://api.litellm.ai",
    ),
    row("snowflake", None, "SNOWFLAKE_TOKEN", Takes::Key, "SNOWFLAKE_HOST", ""),
    row(
        "databricks",
        None,
        "DATABRICKS_TOKEN",
        Takes::KeyOrLogin("Goose signs in to Databricks by itself"),
        "DATABRICKS_HOST",
        "",
    ),
    raw(
        "api-key",
        row(
            "azure_openai",
            Some("azure-openai"),
            "AZURE_OPENAI_API_KEY",
            Takes::FullKeyOrLogin("the Azure command line (az) gives a token"),
            "AZURE_OPENAI_ENDPOINT",
            "",
        ),
    ),
    row("aws_bedrock", Some("bedrock"), "AWS_BEARER_TOKEN_BEDROCK", Takes::AwsBearer, "", ""),
    row(
        "github_copilot",
        Some("github-copilot"),
        "GITHUB_COPILOT_TOKEN",
        Takes::Exchanged("GitHub exchanges it for a token of a few minutes, which is sent"),
        "",
        "",
    ),
    fixed("cerebras", Some("cerebras"), "CEREBRAS_API_KEY", "https://api.cerebras.ai/v1"),
    fixed("custom_deepseek", Some("deepseek"), "DEEPSEEK_API_KEY", "https://api.deepseek.com"),
    fixed("custom_tensorix", None, "TENSORIX_API_KEY", "https://api.tensorix.ai/v1"),
    fixed("futurmix", None, "FUTURMIX_API_KEY", "https://futurmix.ai/v1"),
    fixed("groq", Some("groq"), "GROQ_API_KEY", "https://api.groq.com/openai/v1"),
    fixed("inception", None, "INCEPTION_API_KEY", "https://api.inceptionlabs.ai"),
    fixed("mistral", Some("mistral"), "MISTRAL_API_KEY", "https://api.mistral.ai/v1"),
    fixed("moonshot", Some("moonshot-cn"), "MOONSHOT_API_KEY", "https://api.moonshot.cn/v1"),
    fixed("novita", None, "NOVITA_API_KEY", "https://api.novita.ai/openai"),
    fixed("nvidia", Some("nvidia"), "NVIDIA_API_KEY", "https://integrate.api.nvidia.com/v1"),
    fixed("ollama_cloud", Some("ollama"), "OLLAMA_CLOUD_API_KEY", "https://ollama.com/v1"),
    fixed("opencode_go", None, "OPENCODE_API_KEY", "https://opencode.ai/zen/go/v1"),
    fixed("ovhcloud", None, "OVHCLOUD_API_KEY", "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1"),
    fixed(
        "vercel_ai_gateway",
        Some("vercel-ai-gateway"),
        "AI_GATEWAY_API_KEY",
        "https://ai-gateway.vercel.sh/v1",
    ),
    defined(behind(
        "/v1",
        row("routstr", None, "ROUTSTR_API_KEY", Takes::KeyOrEmpty, "ROUTSTR_HOST", "https://api.routstr.com"),
    )),
    defined(behind(
        "/openai/v1",
        row("tanzu_ai", None, "TANZU_AI_API_KEY", Takes::KeyOrEmpty, "TANZU_AI_ENDPOINT", ""),
    )),
    defined(row(
        "zhipu",
        Some("bigmodel"),
        "ZHIPU_API_KEY",
        Takes::KeyOrEmpty,
        "ZHIPU_BASE_URL",
        "https://open.bigmodel.cn/api/paas/v4",
    )),
    defined(raw(
        "x-api-key",
        row(
            "zai",
            Some("zai"),
            "ZHIPU_API_KEY",
            Takes::Key,
            "ZAI_BASE_URL",
            "https://api.z.ai/api/anthropic",
        ),
    )),
    defined(raw(
        "x-api-key",
        row(
            "minimax",
            Some("minimax"),
            "MINIMAX_API_KEY",
            Takes::Key,
            "",
            "https://api.minimax.io/anthropic",
        ),
    )),
    local("ollama", Some("ollama"), "OLLAMA_HOST", "http://localhost:11434"),
    defined(behind("/v1", local("atomic_chat", None, "ATOMIC_CHAT_HOST", "http://localhost:1337"))),
    defined(behind("/v1", local("llama_swap", None, "LLAMA_SWAP_HOST", "http://localhost:8080"))),
    defined(behind("/v1", local("lmstudio", Some("lmstudio"), "LMSTUDIO_HOST", "http://localhost:1234"))),
    defined(behind("/v1", local("omlx", None, "OMLX_HOST", "http://localhost:8000"))),
    row("local", None, "", Takes::Nothing("the model runs inside Goose"), "", ""),
    elsewhere("chatgpt_codex", "Goose has its own login to ChatGPT"),
    elsewhere("gemini_oauth", "Goose has its own login to Google"),
    elsewhere("kimi_code", "Goose has its own login to Kimi"),
    elsewhere("gcp_vertex_ai", "Google Cloud's own credentials give a token"),
    elsewhere("sagemaker_tgi", AWS),
    elsewhere("claude-code", "Goose starts Claude Code, which sends its own key"),
    elsewhere("codex", "Goose starts Codex, which sends its own key"),
    elsewhere("cursor-agent", "Goose starts Cursor's agent, which sends its own key"),
    elsewhere("gemini-cli", "Goose starts Gemini CLI, which sends its own key"),
    elsewhere("amp-acp", "Goose starts Amp, which sends its own key"),
    elsewhere("claude-acp", "Goose starts Claude Code, which sends its own key"),
    elsewhere("codex-acp", "Goose starts Codex, which sends its own key"),
    elsewhere("copilot-acp", "Goose starts Copilot, which sends its own key"),
    elsewhere("pi-acp", "Goose starts Pi, which sends its own key"),
];

/// Whether it is one of the definitions inside the program.
pub fn is_defined(id: &str) -> bool {
    PROVIDERS.iter().any(|row| row.id == id && row.defined)
}

/// What signs a request to Amazon Bedrock without a bearer.
pub const AWS_SIGNS: &str = AWS;
