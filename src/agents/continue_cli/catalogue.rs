//! Continue's providers: how each takes its key, and where it goes without `apiBase`.
//!
//! From `constructLlmApi` in `packages/openai-adapters/src/index.ts` of 1.5.47: 48 names, all of them here.

/// How a provider takes its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// `Authorization: Bearer`; without a key the header is sent all the same, with nothing in it.
    Bearer,
    /// A bearer, and this where no key is set.
    BearerOr(&'static str),
    /// `x-api-key`.
    Anthropic,
    /// `x-goog-api-key`, to Google's own host whatever `apiBase` says.
    Google,
    /// A bearer to an address that ends in `v1`.
    Ollama,
    /// A bearer to a deployment, where `env.apiType` says so.
    Azure,
    /// A bearer, to an address with `apiBase` alone.
    HuggingFace,
    /// A header of this name, or, with `env.email`, what another host exchanges it for.
    AskSage,
    /// `x-goog-api-key` for Gemini's models, else Google Cloud's own credentials.
    Vertex,
    /// As the provider that the model's name begins with.
    AiSdk,
    /// Something that Continue exchanges or signs with; in words.
    Elsewhere(&'static str),
    /// No chat at all; in words.
    Nothing(&'static str),
}

/// A provider.
#[derive(Debug)]
pub struct Row {
    /// Continue's name for it.
    pub id: &'static str,
    /// keymend's catalogue id.
    pub catalogue: Option<&'static str>,
    /// How it takes its key.
    pub takes: Takes,
    /// Its address.
    pub base: &'static str,
}

const fn bearer(id: &'static str, catalogue: Option<&'static str>, base: &'static str) -> Row {
    Row { id, catalogue, takes: Takes::Bearer, base }
}

const fn row(id: &'static str, catalogue: Option<&'static str>, takes: Takes, base: &'static str) -> Row {
    Row { id, catalogue, takes, base }
}

/// Where a request goes that no setting directs elsewhere.
pub const OPENAI: &str = "https://api.openai.com/v1/";

/// All of them.
pub const PROVIDERS: &[Row] = &[
    bearer("openai", Some("openai"), OPENAI),
    row("anthropic", Some("anthropic"), Takes::Anthropic, "https://api.anthropic.com/v1/"),
    row("gemini", Some("gemini"), Takes::Google, "https://generativelanguage.googleapis.com"),
    row("azure", Some("azure-openai"), Takes::Azure, OPENAI),
    bearer("openrouter", Some("openrouter"), "https://openrouter.ai/api/v1/"),
    bearer("deepseek", Some("deepseek"), "https://api.deepseek.com/"),
    bearer("mistral", Some("mistral"), "https://api.mistral.ai/v1/"),
    bearer("groq", Some("groq"), "https://api.groq.com/openai/v1/"),
    bearer("xAI", Some("xai"), "https://api.x.ai/v1/"),
    bearer("zAI", Some("zai"), "https://api.z.ai/api/paas/v4/"),
    bearer("minimax", Some("minimax"), "https://api.minimax.io/v1/"),
    // Its own address is never used: without apiBase the request goes to OpenAI.
    bearer("moonshot", Some("moonshot-cn"), OPENAI),
    bearer("cometapi", None, "https://api.cometapi.com/v1/"),
    bearer("inception", None, "https://api.inceptionlabs.ai/v1/"),
    bearer("voyage", None, "https://api.voyageai.com/v1/"),
    bearer("deepinfra", Some("deepinfra"), "https://api.deepinfra.com/v1/openai/"),
    bearer("sambanova", Some("sambanova"), "https://api.sambanova.ai/v1/"),
    bearer("cerebras", Some("cerebras"), "https://api.cerebras.ai/v1/"),
    bearer("kindo", None, "https://llm.kindo.ai/v1/"),
    bearer("nvidia", Some("nvidia"), "https://integrate.api.nvidia.com/v1/"),
    bearer("ovhcloud", None, "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1/"),
    bearer("scaleway", None, "https://api.scaleway.ai/v1/"),
    bearer("fireworks", Some("fireworks"), "https://api.fireworks.ai/inference/v1/"),
    bearer("together", Some("together"), "https://api.together.xyz/v1/"),
    bearer("ncompass", None, "https://api.ncompass.tech/v1"),
    bearer("novita", None, "https://api.novita.ai/v3/openai"),
    bearer("nebius", None, "https://api.studio.nebius.ai/v1/"),
    bearer("function-network", None, "https://api.function.network/v1/"),
    bearer("tensorix", None, "https://api.tensorix.ai/v1/"),
    bearer("cohere", Some("cohere"), "https://api.cohere.com/v1"),
    bearer("relace", None, "https://instantapply.endpoint.relace.run/v1/"),
    bearer("vllm", None, "http://localhost:8000/v1/"),
    bearer("text-gen-webui", None, "http://127.0.0.1:5000/v1/"),
    bearer("msty", None, "http://localhost:10000"),
    bearer("clawrouter", None, "http://localhost:1337/v1/"),
    bearer("llama.cpp", None, "http://localhost:8000/"),
    bearer("llamafile", None, "http://localhost:8000/"),
    bearer("lmstudio", Some("lmstudio"), "http://localhost:1234/"),
    row("ollama", Some("ollama"), Takes::Ollama, "http://localhost:11434/v1/"),
    row("llamastack", None, Takes::BearerOr("dummy"), "http://localhost:8321/v1/openai/v1/"),
    row("huggingface-inference-api", Some("huggingface"), Takes::HuggingFace, ""),
    row("askSage", None, Takes::AskSage, "https://api.asksage.ai/server"),
    row("bedrock", Some("bedrock"), Takes::Elsewhere("AWS's own credentials sign the request"), ""),
    row(
        "watsonx",
        None,
        Takes::Elsewhere("IBM Cloud exchanges the key for a token of an hour, which is sent"),
        "",
    ),
    row("vertexai", Some("vertex"), Takes::Vertex, "https://generativelanguage.googleapis.com"),
    row("ai-sdk", None, Takes::AiSdk, ""),
    row("jina", None, Takes::Nothing("Continue has no chat with Jina"), ""),
    row("mock", None, Takes::Nothing("the provider mock sends nothing"), ""),
];
