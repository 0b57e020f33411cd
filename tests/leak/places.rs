//! Fields that want a name, a reference, a model or an address, with a key in them by mistake.

/// What, the file, and its text with `{K}` where the key is.
pub const NAMES: &[(&str, &str, &str)] = &[
    ("hermes: provider", ".hermes/config.yaml", "model:\n  provider: {K}\n  default: m\n"),
    ("hermes: model", ".hermes/config.yaml", "model:\n  provider: openrouter\n  default: {K}\n"),
    (
        "hermes: address",
        ".hermes/config.yaml",
        "model:\n  provider: custom\n  default: m\n  base_url: http://127.0.0.1:1/{K}/v1\n  api_key: x\n",
    ),
    (
        "hermes: key_env",
        ".hermes/config.yaml",
        "model:\n  provider: mine\n  default: m\nproviders:\n  mine:\n    base_url: http://127.0.0.1:1/v1\n    key_env: {K}\n",
    ),
    (
        "hermes: custom name",
        ".hermes/config.yaml",
        "model:\n  provider: custom:{K}\n  default: m\ncustom_providers:\n  - name: {K}\n    base_url: http://127.0.0.1:1/v1\n    key_env: {K}\n",
    ),
    (
        "hermes: fallback",
        ".hermes/config.yaml",
        "model:\n  provider: openrouter\n  default: m\nfallback_providers:\n  - provider: {K}\n    model: {K}\n",
    ),
    ("hermes: variable", ".hermes/.env", "{K}=x\nexport {K}_API_KEY=y\nOPENROUTER_API_KEY=${{K}}\n"),
    (
        "hermes: pool",
        ".hermes/auth.json",
        "{\"version\":1,\"providers\":{},\"credential_pool\":{\"anthropic\":[{\"id\":\"{K}\",\"label\":\"{K}\",\"auth_type\":\"api_key\",\"priority\":0,\"source\":\"env:{K}\",\"access_token\":\"x\"}],\"{K}\":[{\"id\":\"a\",\"label\":\"b\",\"auth_type\":\"api_key\",\"source\":\"manual\",\"access_token\":\"y\"}]}}",
    ),
    (
        "hermes: active",
        ".hermes/auth.json",
        "{\"version\":1,\"active_provider\":\"{K}\",\"providers\":{\"{K}\":{}}}",
    ),
    ("hermes: profile", ".hermes/profiles/{K}/.env", "OPENROUTER_API_KEY=x\n"),
    (
        "openclaw: provider",
        ".openclaw/openclaw.json",
        "{models:{providers:{'{K}':{apiKey:'x',baseUrl:'http://127.0.0.1:1/v1',models:[{id:'{K}'}]}}}}",
    ),
    (
        "openclaw: reference",
        ".openclaw/openclaw.json",
        "{models:{providers:{mine:{apiKey:'${{K}}',baseUrl:'http://127.0.0.1:1/v1',models:[]}}}}",
    ),
    (
        "openclaw: secret ref",
        ".openclaw/openclaw.json",
        "{models:{providers:{mine:{apiKey:{source:'env',provider:'default',id:'{K}'},baseUrl:'http://127.0.0.1:1/v1'}}}}",
    ),
    (
        "openclaw: file ref",
        ".openclaw/openclaw.json",
        "{secrets:{providers:{'{K}':{source:'file',path:'/x/{K}.json'}}},models:{providers:{mine:{apiKey:{source:'file',provider:'{K}',id:'/{K}'},baseUrl:'http://127.0.0.1:1/v1'}}}}",
    ),
    (
        "openclaw: address",
        ".openclaw/openclaw.json",
        "{models:{providers:{mine:{apiKey:'x',baseUrl:'http://127.0.0.1:1/{K}'},anthropic:{baseUrl:'http://127.0.0.1:1/a/{K}/v1',apiKey:'x'}}}}",
    ),
    (
        "openclaw: model",
        ".openclaw/openclaw.json",
        "{agents:{defaults:{model:{primary:'anthropic/{K}',fallbacks:['{K}/m']}}}}",
    ),
    (
        "openclaw: order",
        ".openclaw/openclaw.json",
        "{auth:{order:{anthropic:['{K}']},profiles:{'{K}':{provider:'anthropic',mode:'api_key'}}}}",
    ),
    (
        "openclaw: header",
        ".openclaw/openclaw.json",
        "{models:{providers:{mine:{apiKey:'x',baseUrl:'http://127.0.0.1:1/v1',headers:{'{K}':'x','Authorization':'Bearer {K}'}}}}}",
    ),
    (
        "openclaw: profile",
        ".openclaw/agents/main/agent/auth-profiles.json",
        "{\"version\":1,\"profiles\":{\"anthropic:{K}\":{\"type\":\"api_key\",\"provider\":\"anthropic\",\"key\":\"x\"},\"a:b\":{\"type\":\"api_key\",\"provider\":\"{K}\",\"key\":\"y\"}},\"order\":{\"anthropic\":[\"{K}\"]}}",
    ),
    (
        "openclaw: keyRef",
        ".openclaw/agents/main/agent/auth-profiles.json",
        "{\"version\":1,\"profiles\":{\"anthropic:default\":{\"type\":\"api_key\",\"provider\":\"anthropic\",\"keyRef\":{\"source\":\"env\",\"provider\":\"default\",\"id\":\"{K}\"}}}}",
    ),
    ("openclaw: env", ".openclaw/.env", "ANTHROPIC_API_KEY=${{K}}\n{K}=x\n"),
    (
        "codex: env_key",
        ".codex/config.toml",
        "model_provider = \"mine\"\n[model_providers.mine]\nname = \"{K}\"\nbase_url = \"http://127.0.0.1:1/v1\"\nenv_key = \"{K}\"\n",
    ),
    (
        "codex: provider",
        ".codex/config.toml",
        "model_provider = \"{K}\"\nmodel = \"{K}\"\nprofile = \"{K}\"\n[model_providers.{K}]\nname = \"x\"\nbase_url = \"http://127.0.0.1:1/{K}/v1\"\n",
    ),
    (
        "codex: headers",
        ".codex/config.toml",
        "model_provider = \"mine\"\n[model_providers.mine]\nname = \"x\"\nbase_url = \"http://127.0.0.1:1/v1\"\nenv_http_headers = { \"x-api-key\" = \"{K}\", \"{K}\" = \"A\" }\nhttp_headers = { \"{K}\" = \"x\" }\n",
    ),
    ("codex: broken line", ".codex/config.toml", "model_provider = \"mine\"\nenv_key = {K}\n"),
    ("codex: profile file", ".codex/{K}.config.toml", "model_provider = \"openai\"\n"),
    (
        "claude-code: variable",
        ".claude/settings.json",
        "{\"env\":{\"{K}\":\"x\",\"ANTHROPIC_BASE_URL\":\"http://127.0.0.1:1/{K}\",\"ANTHROPIC_MODEL\":\"{K}\"},\"model\":\"{K}\",\"apiKeyHelper\":\"/bin/{K}\"}",
    ),
    (
        "claude-code: profile",
        ".claude/settings.json",
        "{\"env\":{\"CLAUDE_CODE_USE_BEDROCK\":\"1\",\"AWS_PROFILE\":\"{K}\",\"AWS_REGION\":\"{K}\"}}",
    ),
    (
        "aider: model",
        ".aider.conf.yml",
        "model: {K}\nweak-model: {K}/x\napi-key:\n  - {K}=x\nset-env:\n  - {K}=y\nenv-file: /x/{K}.env\nopenai-api-base: http://127.0.0.1:1/{K}\n",
    ),
    (
        "opencode: reference",
        ".config/opencode/opencode.json",
        "{\"model\":\"{K}/m\",\"provider\":{\"openai\":{\"options\":{\"apiKey\":\"{env:{K}}\",\"baseURL\":\"http://127.0.0.1:1/{K}\"}},\"{K}\":{\"options\":{\"apiKey\":\"{file:~/{K}}\"}}}}",
    ),
    (
        "opencode: login",
        ".local/share/opencode/auth.json",
        "{\"{K}\":{\"type\":\"api\",\"key\":\"x\"},\"openai\":{\"type\":\"{K}\",\"key\":\"y\"}}",
    ),
    (
        "goose: provider",
        ".config/goose/config.yaml",
        "GOOSE_PROVIDER: {K}\nGOOSE_MODEL: {K}\nOPENAI_HOST: http://127.0.0.1:1/{K}\n",
    ),
    ("goose: secrets", ".config/goose/secrets.yaml", "{K}: x\nOPENAI_API_KEY: ${{K}}\n"),
    (
        "goose: custom",
        ".config/goose/custom_providers/{K}.json",
        "{\"name\":\"{K}\",\"engine\":\"openai\",\"display_name\":\"{K}\",\"api_key_env\":\"{K}\",\"base_url\":\"http://127.0.0.1:1/{K}\",\"models\":[{\"name\":\"{K}\"}]}",
    ),
    (
        "qwen: envKey",
        ".qwen/settings.json",
        "{\"modelProviders\":{\"openai\":[{\"id\":\"{K}\",\"envKey\":\"{K}\",\"baseUrl\":\"http://127.0.0.1:1/{K}\"}]},\"model\":{\"name\":\"{K}\"},\"security\":{\"auth\":{\"selectedType\":\"openai\"}}}",
    ),
    (
        "gemini: type",
        ".gemini/settings.json",
        "{\"security\":{\"auth\":{\"selectedType\":\"{K}\"}},\"model\":{\"name\":\"{K}\"}}",
    ),
    (
        "gemini: project",
        ".gemini/.env",
        "GOOGLE_CLOUD_PROJECT={K}\nGOOGLE_GENAI_USE_VERTEXAI=true\nGOOGLE_APPLICATION_CREDENTIALS=/x/{K}.json\n{K}=x\n",
    ),
    (
        "litellm: reference",
        "litellm_config.yaml",
        "model_list:\n  - model_name: {K}\n    litellm_params:\n      model: openai/{K}\n      api_key: os.environ/{K}\n      api_base: http://127.0.0.1:1/{K}\n",
    ),
    (
        "continue: model",
        ".continue/config.yaml",
        "name: {K}\nversion: 1\nmodels:\n  - name: {K}\n    provider: {K}\n    model: {K}\n    apiKey: ${{ secrets.{K} }}\n    apiBase: http://127.0.0.1:1/{K}\n",
    ),
    ("llm: name", ".config/io.datasette.llm/keys.json", "{\"{K}\":\"x\",\"openai\":\"{K}\"}"),
    (
        "llm: api_key_name",
        ".config/io.datasette.llm/extra-openai-models.yaml",
        "- model_id: {K}\n  model_name: {K}\n  api_base: http://127.0.0.1:1/{K}\n  api_key_name: {K}\n",
    ),
    (
        "home assistant: title",
        ".homeassistant/.storage/core.config_entries",
        "{\"version\":1,\"key\":\"core.config_entries\",\"data\":{\"entries\":[{\"domain\":\"openai_conversation\",\"title\":\"{K}\",\"entry_id\":\"{K}\",\"data\":{\"api_key\":\"x\"}}]}}",
    ),
    (
        "cline: provider",
        ".cline/data/globalState.json",
        "{\"actModeApiProvider\":\"{K}\",\"actModeApiModelId\":\"{K}\",\"openAiBaseUrl\":\"http://127.0.0.1:1/{K}\"}",
    ),
    (
        "keymend: provider",
        ".config/keymend/providers/mine.toml",
        "id = \"{K}\"\nname = \"{K}\"\nenv = [\"{K}\"]\nconsole_url = \"https://h.example/{K}\"\n",
    ),
    ("keymend: broken provider", ".config/keymend/providers/{K}.toml", "id = {K}\n"),
    ("keymend: unknown field", ".config/keymend/providers/x.toml", "{K} = 1\n"),
    ("keymend: settings", ".config/keymend/keymend.toml", "[history]\n{K} = 3\n"),
    (
        "dotenv of the project",
        ".env",
        "{K}=x\nOPENAI_API_KEY=${{K}}\nOPENAI_BASE_URL=http://127.0.0.1:1/{K}/v1\n",
    ),
    ("shell", ".bashrc", "export {K}=x\nexport OPENAI_API_KEY=${K}\nalias k={K}\n"),
    (
        "unit",
        ".config/systemd/user/openclaw-gateway.service",
        "[Service]\nEnvironmentFile=/x/{K}\nEnvironment={K}=x\nExecStart=/bin/{K}\n",
    ),
];
