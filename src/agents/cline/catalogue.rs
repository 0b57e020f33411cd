//! Cline's built-in providers: variables, base URLs, and where 2.x kept the key.
//!
//! From the provider list in @cline/llms 0.0.86 and the migration in @cline/core 0.0.86.

/// How a provider takes its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `Authorization: Bearer`.
    Bearer,
    /// `x-api-key`.
    Anthropic,
    /// `x-goog-api-key`.
    Google,
    /// Unknown.
    Other,
}

/// One provider.
#[derive(Debug)]
pub struct Provider {
    /// Cline's id.
    pub id: &'static str,
    /// The catalogue's id, or none if the host decides.
    pub catalogue: Option<&'static str>,
    /// How it takes its key.
    pub family: Family,
    /// Its variables, strongest first.
    pub variables: &'static [&'static str],
    /// Where it goes without a `baseUrl`.
    pub base: &'static str,
    /// Where it goes with `apiLine` `china`.
    pub china: Option<&'static str>,
    /// Its field in secrets.json.
    pub secret: &'static str,
    /// The field in globalState.json that 2.x kept its base URL in.
    pub base_field: Option<&'static str>,
    /// A slot is shown even where nothing is configured.
    pub common: bool,
}

const fn bearer(
    id: &'static str,
    catalogue: Option<&'static str>,
    variables: &'static [&'static str],
    base: &'static str,
    secret: &'static str,
) -> Provider {
    let (family, china, base_field) = (Family::Bearer, None, None);
    Provider { id, catalogue, family, variables, base, china, secret, base_field, common: false }
}

#[expect(clippy::needless_pass_by_value, reason = "a constant is built from another one")]
const fn common(provider: Provider) -> Provider {
    Provider { common: true, ..provider }
}

/// The providers that Cline knows by itself, those that most people use first.
pub const PROVIDERS: &[Provider] = &[
    common(bearer("cline", None, &["CLINE_API_KEY"], "https://api.cline.bot/api/v1", "clineApiKey")),
    common(bearer(
        "openrouter",
        Some("openrouter"),
        &["OPENROUTER_API_KEY"],
        "https://openrouter.ai/api/v1",
        "openRouterApiKey",
    )),
    common(Provider {
        family: Family::Anthropic,
        base_field: Some("anthropicBaseUrl"),
        ..bearer(
            "anthropic",
            Some("anthropic"),
            &["ANTHROPIC_API_KEY"],
            "https://api.anthropic.com/v1",
            "apiKey",
        )
    }),
    common(bearer(
        "openai-native",
        Some("openai"),
        &["OPENAI_API_KEY"],
        "https://api.openai.com/v1",
        "openAiNativeApiKey",
    )),
    common(Provider {
        base_field: Some("openAiBaseUrl"),
        ..bearer("openai-compatible", None, &["OPENAI_API_KEY"], "https://api.openai.com/v1", "openAiApiKey")
    }),
    common(Provider {
        family: Family::Google,
        base_field: Some("geminiBaseUrl"),
        ..bearer(
            "gemini",
            Some("gemini"),
            &["GOOGLE_GENERATIVE_AI_API_KEY", "GEMINI_API_KEY"],
            "https://generativelanguage.googleapis.com/v1beta",
            "geminiApiKey",
        )
    }),
    common(bearer(
        "deepseek",
        Some("deepseek"),
        &["DEEPSEEK_API_KEY"],
        "https://api.deepseek.com/v1",
        "deepSeekApiKey",
    )),
    common(bearer("groq", Some("groq"), &["GROQ_API_KEY"], "https://api.groq.com/openai/v1", "groqApiKey")),
    common(Provider {
        base_field: Some("liteLlmBaseUrl"),
        ..bearer("litellm", None, &["LITELLM_API_KEY"], "http://localhost:4000/v1", "liteLlmApiKey")
    }),
    bearer("xai", Some("xai"), &["XAI_API_KEY"], "https://api.x.ai/v1", "xaiApiKey"),
    bearer("mistral", Some("mistral"), &["MISTRAL_API_KEY"], "https://api.mistral.ai/v1", "mistralApiKey"),
    bearer(
        "together",
        Some("together"),
        &["TOGETHER_API_KEY"],
        "https://api.together.xyz/v1",
        "togetherApiKey",
    ),
    bearer(
        "fireworks",
        Some("fireworks"),
        &["FIREWORKS_API_KEY"],
        "https://api.fireworks.ai/inference/v1",
        "fireworksApiKey",
    ),
    bearer(
        "cerebras",
        Some("cerebras"),
        &["CEREBRAS_API_KEY"],
        "https://api.cerebras.ai/v1",
        "cerebrasApiKey",
    ),
    bearer(
        "sambanova",
        Some("sambanova"),
        &["SAMBANOVA_API_KEY"],
        "https://api.sambanova.ai/v1",
        "sambanovaApiKey",
    ),
    bearer(
        "qwen",
        Some("dashscope"),
        &["QWEN_API_KEY"],
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        "qwenApiKey",
    ),
    Provider {
        china: Some("https://api.moonshot.cn/v1"),
        ..bearer(
            "moonshot",
            Some("moonshot"),
            &["MOONSHOT_API_KEY"],
            "https://api.moonshot.ai/v1",
            "moonshotApiKey",
        )
    },
    Provider {
        china: Some("https://open.bigmodel.cn/api/paas/v4"),
        ..bearer("zai", Some("zai"), &["ZHIPU_API_KEY"], "https://api.z.ai/api/paas/v4", "zaiApiKey")
    },
    bearer(
        "vercel-ai-gateway",
        Some("vercel-ai-gateway"),
        &["AI_GATEWAY_API_KEY"],
        "https://ai-gateway.vercel.sh/v1",
        "vercelAiGatewayApiKey",
    ),
    bearer(
        "nousResearch",
        Some("nous"),
        &["NOUS_RESEARCH_API_KEY", "NOUSRESEARCH_API_KEY"],
        "https://inference-api.nousresearch.com/v1",
        "nousResearchApiKey",
    ),
    bearer(
        "doubao",
        Some("volcengine"),
        &["DOUBAO_API_KEY"],
        "https://ark.cn-beijing.volces.com/api/v3",
        "doubaoApiKey",
    ),
    bearer("lmstudio", Some("lmstudio"), &["LMSTUDIO_API_KEY"], "http://localhost:1234/v1", "lmStudioApiKey"),
    Provider {
        family: Family::Other,
        base_field: Some("ollamaBaseUrl"),
        ..bearer("ollama", Some("ollama"), &["OLLAMA_API_KEY"], "http://localhost:11434", "ollamaApiKey")
    },
    Provider {
        family: Family::Other,
        ..bearer("huggingface", Some("huggingface"), &["HF_TOKEN"], "", "huggingFaceApiKey")
    },
    Provider {
        family: Family::Other,
        ..bearer("requesty", None, &["REQUESTY_API_KEY"], "", "requestyApiKey")
    },
    Provider { family: Family::Other, ..bearer("minimax", None, &[], "", "minimaxApiKey") },
    Provider {
        family: Family::Other,
        ..bearer("bedrock", Some("bedrock"), &["AWS_BEARER_TOKEN_BEDROCK"], "", "awsBedrockApiKey")
    },
];

/// A provider of the built-in list.
pub fn provider(id: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.id == id)
}

/// Cline 2.x ids that 3.x renamed.
pub fn normal(id: &str) -> &str {
    match id {
        "openai" => "openai-compatible",
        "togetherai" => "together",
        "sap-ai-core" => "sapaicore",
        other => other,
    }
}
