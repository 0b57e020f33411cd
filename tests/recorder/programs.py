"""How each program is asked for one answer without a person, and where it comes from.

A new agent is one entry: the command that asks it once, what its environment needs to stay quiet, the packages it is in.
"""

from dataclasses import dataclass, field


@dataclass
class Program:
    install: str
    """The command that installs it from its package registry."""
    command: list
    """The arguments after the program; `{model}` is the recording's `model`, or the provider's below."""
    models: dict = field(default_factory=dict)
    environment: dict = field(default_factory=dict)
    seconds: int = 90
    version: tuple = ("--version",)


HERE = {
    "llm": Program(
        "pip install llm llm-anthropic llm-gemini llm-openrouter",
        ["-m", "{model}", "hi", "--no-log"],
        {"openai": "gpt-4o", "anthropic": "anthropic/claude-3-5-haiku-latest", "gemini": "gemini/gemini-2.5-flash",
         "openrouter": "openrouter/test-model"},
    ),
    "aider": Program(
        "pip install aider-chat",
        ["--message", "hi", "--yes-always", "--no-check-update", "--no-show-release-notes", "--no-show-model-warnings",
         "--analytics-disable", "--no-pretty", "--map-tokens", "0", "--no-auto-commits", "--no-git", "--model", "{model}"],
        {"openai": "openai/gpt-4o", "anthropic": "anthropic/claude-3-5-haiku-20241022", "openrouter": "openrouter/test/model",
         "gemini": "gemini/gemini-2.0-flash", "deepseek": "deepseek/deepseek-chat", "groq": "groq/llama-3.1-8b-instant"},
        {"TERM": "dumb"},
        150,
    ),
    "hermes": Program(
        "pip install hermes-agent[anthropic]",
        ["-t", "safe", "-z", "ping"],
        environment={"HERMES_SKIP_UPDATE_CHECK": "1", "TERM": "dumb", "AWS_EC2_METADATA_DISABLED": "true"},
        seconds=150,
    ),
    "claude-code": Program(
        "npm install @anthropic-ai/claude-code",
        ["-p", "say hi", "--model", "claude-sonnet-4-5", "--max-turns", "1"],
        environment={"DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"},
    ),
    "codex": Program(
        "npm install @openai/codex",
        ["exec", "--skip-git-repo-check", "--color", "never", "say hi"],
        environment={"RUST_LOG": "error"},
    ),
    "gemini-cli": Program(
        "npm install @google/gemini-cli",
        ["-p", "say hi", "-m", "gemini-2.5-flash"],
        environment={"GEMINI_CLI_NO_RELAUNCH": "true"},
    ),
    "qwen-code": Program("npm install @qwen-code/qwen-code", ["-p", "say hi"], environment={"QWEN_CODE_NO_RELAUNCH": "true"}),
    "opencode": Program("npm install opencode-ai", ["run", "say hi"], environment={"OPENCODE_DISABLE_AUTOUPDATE": "1"}),
    "goose": Program("npm install @aaif/goose", ["run", "--no-session", "--no-profile", "-q", "-t", "say hi"]),
    "continue": Program("npm install @continuedev/cli", ["-p", "say hi"]),
    "cline": Program(
        "npm install cline",
        ["-P", "{provider}", "-m", "{model}", "say hi to me"],
        {"openrouter": "test/model", "openai-native": "gpt-4o", "anthropic": "claude-sonnet-4-6", "gemini": "gemini-2.5-flash",
         "deepseek": "deepseek-chat", "groq": "llama-3.3-70b-versatile"},
        {"CLINE_TELEMETRY_DISABLED": "1"},
        150,
    ),
}
