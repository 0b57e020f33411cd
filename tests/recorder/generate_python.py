#!/usr/bin/env python3
"""Draws homes at random for the agents that are written in Python, runs the real program in each, and writes recordings.

    ~/venv-llm/bin/python tests/recorder/generate_python.py llm --seed 11 --runs 100 --out /tmp/drawn
    cp /tmp/drawn/llm/*.txt tests/recordings/llm/ && cargo test --test recordings llm/gen-

It is run by the interpreter that the agent is installed in. The agent's libraries are imported once, and each run is a fork of
that, in a home of its own, against a server on loopback. The same seed draws the same homes. What a run shows is a recording
like any other: keep the telling ones. Fake keys only.
"""

import argparse
import base64
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import urllib.parse

import capture
import record
import recording


class Warm:
    """A server on loopback, and forks of this process in which the agent runs."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="generate-")
        os.mkdir(self.folder + "/ca")
        self.server = capture.Capture(self.folder + "/ca")

    def run(self, agent, rec):
        """What the agent sent first, and its last words."""
        root = tempfile.mkdtemp(prefix="home-", dir=self.folder)
        home = record.Home(rec, root, self.server.base)
        env = {"PATH": "/usr/bin:/bin", "HOME": home.home, "USER": "tester", "LOGNAME": "tester", "LANG": "C.UTF-8",
               "TERM": "dumb", "SHELL": "/bin/sh", "TMPDIR": root, **self.server.environment(), **agent.environment}
        env.update((name, home.fill(value)) for name, value in rec["env"].items())
        del self.server.requests[:]
        child = os.fork()
        if child == 0:
            self._child(agent, rec, home, env)
        end, over = time.monotonic() + agent.seconds, False
        while time.monotonic() < end and not over and not self.server.model_calls():
            over = os.waitpid(child, os.WNOHANG)[0] != 0
            time.sleep(0.01)
        if not over:
            try:
                os.killpg(child, signal.SIGKILL)
            except ProcessLookupError:
                os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        calls = self.server.model_calls()
        with open(root + "/output", errors="replace", encoding="utf-8") as file:
            words = file.read().replace(home.home, "~").strip()[-300:]
        shutil.rmtree(root, ignore_errors=True)
        return home.blank(seen(calls[0] if calls else None)), words

    @staticmethod
    def _child(agent, rec, home, env):
        try:
            os.setsid()
            with open(home.root + "/output", "w", encoding="utf-8") as output, open(os.devnull, encoding="utf-8") as nothing:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                os.dup2(nothing.fileno(), 0)
            sys.stdin, sys.stdout, sys.stderr = (os.fdopen(os.dup(fd), mode) for fd, mode in ((0, "r"), (1, "w"), (2, "w")))
            os.environ.clear()
            os.environ.update(env)
            os.chdir(home.cwd)
            agent.main(rec, home)
        except SystemExit:
            pass
        except BaseException as error:  # the recording's notes say how the agent ended
            print("%s: %s" % (type(error).__name__, error), file=sys.stderr)
        finally:
            try:
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(0)


def seen(request):
    """As `capture.seen`; a header's bytes are UTF-8, and an Authorization comes first."""
    if request is None:
        return {"key": None}
    text = lambda value: value.encode("latin-1").decode("utf-8", "replace")
    headers = [(name, text(value)) for name, value in request["headers"]]
    headers.sort(key=lambda header: header[0] != "authorization")
    found = capture.seen({**request, "headers": headers})
    found["path"] = request["path"].split("?")[0]
    if found.get("header") == "query:key":
        found["key"] = urllib.parse.unquote(found["key"])
    return found


def tag(draw):
    return "%06x" % draw.randrange(1 << 24)


def some(draw, share):
    return draw.random() < share


ODD = ("{}\n", "{} ", " {}", "{}\r", "{}\t", "\t{}", "\"{}\"", "'{}'", "{}\u00e9", "\u200b{}", "{}\x1b", "{} # note", "", "none",
       "Bearer {}", "${{HOME}}", "true")


def odd(draw, key):
    return draw.choice(ODD).format(key)


def lines(draw, parts):
    """A `.env` of these lines, with the line ends, marks and bytes of other editors now and then."""
    end = "\r\n" if some(draw, 0.15) else "\n"
    text = end.join(parts) + (end if some(draw, 0.75) else "")
    if some(draw, 0.25):
        return "\ufeff" + text
    if some(draw, 0.04):
        return "b64:" + base64.b64encode(text.encode("utf-16")).decode()
    if some(draw, 0.05):
        return "b64:" + base64.b64encode(text.encode().replace(b"-", b"\xe9", 1)).decode()
    return text


class Llm:
    """`llm` with its plugins for Anthropic, Gemini and OpenRouter."""

    seconds, environment, version = 40, {}, "llm"
    providers = {"openai": ("OPENAI_API_KEY", "gpt-4o", "sk-proj-FAKE-"),
                 "anthropic": ("ANTHROPIC_API_KEY", "anthropic/claude-3-5-haiku-latest", "sk-ant-api03-FAKE-"),
                 "gemini": ("LLM_GEMINI_KEY", "gemini/gemini-2.5-flash", "AIzaFAKE-"),
                 "openrouter": ("OPENROUTER_KEY", "openrouter/test-model", "sk-or-v1-FAKE-")}

    @staticmethod
    def preload():
        import llm.cli, llm.plugins, openai.resources.chat, anthropic.resources.messages  # noqa: F401

    @staticmethod
    def main(rec, _home):
        from llm.cli import cli

        model = rec["opts"]["model"]
        cli.main((["-m", model] if model else []) + ["hi", "--no-log"])

    def key(self, draw, provider, where):
        key = self.providers[provider][2] + where + "-" + tag(draw)
        return odd(draw, key) if some(draw, 0.25) else key

    def stored(self, draw, provider):
        if some(draw, 0.06):
            return draw.choice(["", "{", "[]", '["%s"]' % provider, "null", "\ufeff{}", "5"])
        keys = {provider: self.key(draw, provider, "STORED")} if some(draw, 0.75) else {}
        if some(draw, 0.15):
            keys[provider] = draw.choice([12345, 0, True, False, None, [], ["a"], {}, 1.5, ""])
        if some(draw, 0.25):
            keys[draw.choice(["mine", self.providers[provider][0], provider.upper()])] = self.key(draw, provider, "OTHER")
        return json.dumps(keys, ensure_ascii=some(draw, 0.5), indent=draw.choice([None, 2]))

    @staticmethod
    def models(draw):
        if some(draw, 0.08):
            return draw.choice(["", "{}\n", "- model_id: local1\n", "a: b\n", "- [\n", "[]\n", "# nothing\n"])
        model = ["- model_id: local1", "  model_name: real1"]
        if some(draw, 0.5):
            model.append("  aliases: [loc1]")
        if some(draw, 0.55):
            model.append("  api_base: " + draw.choice(['"{{BASE}}/x/v1"', "{{BASE}}/x", "''", '"{{BASE}}/x/v1/"']))
        if some(draw, 0.4):
            model.append("  api_key_name: " + draw.choice(["mine", "openai", "openrouter", '""', "nothere"]))
        if some(draw, 0.25):
            model.append("  headers: " + draw.choice(["{Authorization: Bearer hdr-FAKE}", "{authorization: Bearer hdr-FAKE}",
                                                      "{x-api-key: hdr-FAKE}", "{X-Team: a}", '{Authorization: "Bearer x\\n"}']))
        if some(draw, 0.12):
            model.append("  " + draw.choice(["api_type: azure", 'api_version: "1"', "completion: true", "api_engine: e"]))
        return "\n".join(model) + "\n"

    def draft(self, draw):
        provider = draw.choice(list(self.providers))
        variable, model, _ = self.providers[provider]
        kind = draw.choice(["plain", "extra", "base", "headers", "path", "default"])
        folder, env, files = ".config/io.datasette.llm/", {}, {}
        if kind == "path":
            folder, env["LLM_USER_PATH"] = "alt/", "{{HOME}}/alt"
        if some(draw, 0.6):
            env[variable] = self.key(draw, provider, "SHELL")
        if some(draw, 0.8):
            files[folder + "keys.json"] = self.stored(draw, provider)
        if kind == "extra":
            files[folder + "extra-openai-models.yaml"] = self.models(draw)
            files[folder + "default_model.txt"] = draw.choice(["local1", "local1\n", "loc1"])
            model = ""
        if kind == "default":
            files[folder + "default_model.txt"] = draw.choice([model, model + "\n", "fast"])
            files[folder + "aliases.json"] = json.dumps({"fast": model})
            model = ""
        if kind in ("base", "extra") and some(draw, 0.6):
            name = "ANTHROPIC_BASE_URL" if provider == "anthropic" else "OPENAI_BASE_URL"
            env[name] = draw.choice(["{{BASE}}/v1", "{{BASE}}", "", " {{BASE}}/v1"])
        if kind == "headers":
            name = draw.choice(["OPENAI_CUSTOM_HEADERS", "ANTHROPIC_CUSTOM_HEADERS"])
            env[name] = draw.choice(["Authorization: Bearer hdr-FAKE", "x-api-key: hdr-FAKE", "authorization: hdr-FAKE",
                                     "X-Api-Key:hdr-FAKE\nX-Team: a", "api-key: hdr-FAKE", "nonsense"])
        return {"title": kind, "provider": provider if model else "auto", "opts": {"model": model}, "env": env, "files": files}


class LiteLlm:
    """The library, as a program of a person's own uses it; the variables are those that the package's code names."""

    seconds, environment, version = 30, {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}, "litellm"

    def preload(self):
        os.environ.update(self.environment)
        import litellm
        from litellm.constants import LITELLM_CHAT_PROVIDERS

        self.names = [getattr(name, "value", name) for name in LITELLM_CHAT_PROVIDERS]
        try:
            litellm.completion("openai/m", [], api_key="x", api_base="http://127.0.0.1:1", max_retries=0)
        except Exception:  # what is imported at the first use is imported now
            pass

    @staticmethod
    def main(rec, _home):
        import litellm

        litellm.completion(rec["opts"]["model"], [{"role": "user", "content": "hi"}], num_retries=0, max_retries=0)

    def draft(self, draw):
        name = draw.choice(self.names)
        upper = re.sub(r"[^A-Z0-9]", "_", name.upper())
        env = dict(self.environment)
        for variable in ("_API_KEY", "_TOKEN", "AI_API_KEY"):
            if some(draw, 0.8 if variable == "_API_KEY" else 0.1):
                key = "sk-FAKE-%s" % tag(draw)
                env[upper + variable] = odd(draw, key) if some(draw, 0.2) else key
        for variable, share in (("_API_BASE", 0.4), ("_BASE_URL", 0.1)):
            if some(draw, share):
                env[upper + variable] = draw.choice(["{{BASE}}/v1", "{{BASE}}", ""])
        if some(draw, 0.3):
            env["OPENAI_API_KEY"] = "sk-proj-FAKE-STRAY-" + tag(draw)
        if some(draw, 0.08):
            env["OPENAI_BASE_URL"] = "{{BASE}}/openai/v1"
        return {"title": "SDK " + name, "provider": name, "opts": {"model": name + "/m"}, "env": env, "files": {}}


class Aider:
    """aider with one message, in a folder, below a repository, or by its own choice of a model."""

    seconds, version = 90, "aider-chat"
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    arguments = ["--message", "hi", "--yes-always", "--no-check-update", "--no-show-release-notes", "--no-show-model-warnings",
                 "--analytics-disable", "--no-pretty", "--no-suggest-shell-commands", "--map-tokens", "0", "--no-auto-commits"]
    providers = {"openrouter": ("openrouter/acme/test-model", "sk-or-v1-FAKE-"), "openai": ("openai/gpt-4o", "sk-proj-FAKE-"),
                 "anthropic": ("anthropic/claude-3-5-haiku-20241022", "sk-ant-api03-FAKE-"),
                 "gemini": ("gemini/gemini-2.0-flash", "AIzaFAKE-"), "deepseek": ("deepseek/deepseek-chat", "sk-fake-"),
                 "groq": ("groq/llama-3.1-8b-instant", "gsk_FAKE-"), "mistral": ("mistral/mistral-small-latest", "misFAKE-"),
                 "xai": ("xai/grok-3-mini", "xai-FAKE-"), "cerebras": ("cerebras/llama3.1-8b", "csk-FAKE-"),
                 "moonshot": ("moonshot/kimi-k2", "sk-FAKE-")}
    own_choice = ["openrouter", "openai", "anthropic", "deepseek", "gemini"]

    def preload(self):
        os.environ.update(self.environment)
        import aider.coders, aider.main, aider.models, litellm.main, numpy  # noqa: F401

    def main(self, rec, _home):
        from aider.main import main

        options = rec["opts"]
        git = [] if options.get("git") else ["--no-git"]
        main(argv=self.arguments + git + (["--model", options["model"]] if "model" in options else []))

    def key(self, draw, provider, where):
        key = self.providers[provider][1] + where + "-" + tag(draw)
        return odd(draw, key).replace("\n", "") if some(draw, 0.12) else key

    @staticmethod
    def variable(provider, end="_API_KEY"):
        return provider.upper() + end

    def dotenv(self, draw, provider, where):
        head = draw.choice(["", "", "", "export "])
        parts = [head + self.variable(provider) + draw.choice(["=", "=", " = ", ": "]) + self.key(draw, provider, where)]
        if some(draw, 0.2):
            parts.append(self.variable(provider, "_API_BASE") + "={{BASE}}/%s/v1" % where.lower())
        if some(draw, 0.25):
            parts.insert(0, draw.choice(["# keys", "LANG2='x y'", "", "TZ=UTC"]))
        if some(draw, 0.12):
            parts.append("AIDER_API_KEY=%s=%s" % (provider, self.key(draw, provider, where + "OPTION")))
        return lines(draw, parts)

    def options(self, draw, provider, where):
        parts = []
        if some(draw, 0.6):
            parts.append("api-key:\n  - %s=%s" % (provider, self.key(draw, provider, where)))
        if some(draw, 0.25):
            parts.append("set-env:\n  - %s=%s" % (self.variable(provider), self.key(draw, provider, where + "SET")))
        if some(draw, 0.2):
            parts.append("env-file: " + draw.choice(["~/keys/y.env", "{{HOME}}/keys/y.env", "nothere.env", '""']))
        if some(draw, 0.2):
            parts.append(draw.choice(["dark-mode: true", "unknown-option: 1", "pretty: maybe", "map-tokens: 0"]))
        return "---\n" + "\n".join(parts) + "\n" if parts else "# empty\n"

    def settings(self, draw, provider):
        name = draw.choice([self.providers[provider][0], "aider/extra_params"])
        parts = ["- name: " + name, "  extra_params:", "    max_tokens: 100"]
        if some(draw, 0.3):
            parts.append("    api_key: " + self.key(draw, provider, "EXTRA"))
        if some(draw, 0.25):
            parts.append("    api_base: {{BASE}}/extra/v1")
        if some(draw, 0.7):
            header = draw.choice(["Authorization: Bearer hdr-FAKE", "X-Api-Token: hdr-FAKE", "api-key: hdr-FAKE", "X-Team: a"])
            parts.append("    %s:\n      %s" % (draw.choice(["extra_headers", "headers"]), header))
        return "\n".join(parts) + "\n"

    def draft(self, draw):
        own = some(draw, 0.25)
        provider = draw.choice(self.own_choice if own else list(self.providers))
        opts, env, files = ({} if own else {"model": self.providers[provider][0]}), {}, {}
        kind = draw.choice(["folder", "repository", "home"])
        here = {"folder": "proj/", "repository": "repo/sub/", "home": ""}[kind]
        files[here + ".keep"] = ""
        if kind == "repository":
            opts["git"] = True
            files.update({"repo/.git/HEAD": "ref: refs/heads/main\n", "repo/.git/objects/info/keep": "", "repo/.git/refs/heads/.keep": "",
                          "repo/.git/config": "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"})
            if some(draw, 0.6):
                files["repo/.env"] = self.dotenv(draw, provider, "ROOTENV")
        for path, share in ((here + ".env", 0.5), (".env", 0.35), ("keys/y.env", 0.15)):
            if some(draw, share):
                files[path] = self.dotenv(draw, provider, path.strip(".").replace("/", "").replace(".", "").upper())
        for path, share in ((here + ".aider.conf.yml", 0.25), (".aider.conf.yml", 0.2)):
            if some(draw, share):
                files[path] = self.options(draw, provider, "YML%d" % len(path))
        if some(draw, 0.25):
            files[here + ".aider.model.settings.yml"] = self.settings(draw, provider)
        if some(draw, 0.5):
            env[self.variable(provider)] = self.key(draw, provider, "SHELL")
        if some(draw, 0.12):
            env["AIDER_API_KEY"] = "%s=%s" % (provider, self.key(draw, provider, "OPTION"))
        if some(draw, 0.15):
            env[self.variable(provider, "_API_BASE")] = "{{BASE}}/shell/v1"
        if some(draw, 0.1):
            env["OPENAI_API_KEY"] = "sk-proj-FAKE-STRAY-" + tag(draw)
        return {"title": ("own choice, " if own else "") + kind, "provider": "auto" if own else provider, "opts": opts, "env": env,
                "files": files, "cwd": here.rstrip("/") or "."}


class Hermes:
    """Hermes Agent with one prompt."""

    seconds, version = 100, "hermes-agent"
    environment = {"HERMES_SKIP_UPDATE_CHECK": "1", "AWS_EC2_METADATA_DISABLED": "true"}
    providers = {
        "anthropic": (["ANTHROPIC_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"], "claude-sonnet-4-5",
                      ["sk-ant-api03-FAKE-", "sk-ant-oat01-FAKE-", "eyJFAKE-", "cc-FAKE-", "plainFAKE-"]),
        "deepseek": (["DEEPSEEK_API_KEY"], "deepseek-chat", ["sk-fake-"]), "zai": (["GLM_API_KEY", "ZAI_API_KEY"], "glm-4.6", ["fakeglm-"]),
        "copilot": (["COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"], "gpt-4o", ["github_pat_FAKE-", "gho_FAKE-"]),
        "openrouter": (["OPENROUTER_API_KEY"], "anthropic/claude-sonnet-4.5", ["sk-or-v1-FAKE-"]),
        "minimax": (["MINIMAX_API_KEY"], "MiniMax-M2", ["sk-FAKEmm-"]), "xai": (["XAI_API_KEY"], "grok-4", ["xai-FAKE-"]),
        "kimi-coding": (["KIMI_API_KEY", "KIMI_CODING_API_KEY"], "kimi-k2-turbo-preview", ["sk-FAKEkimi-", "sk-kimi-FAKE-"]),
        "gemini": (["GOOGLE_API_KEY", "GEMINI_API_KEY"], "gemini-2.5-flash", ["AIzaFAKE-"]),
        "lab": (["LAB_KEY", "CORP_PASS"], "m1", ["lab-FAKE-"])}

    @staticmethod
    def preload():
        # Nothing of Hermes itself: its modules read the home when they are imported.
        import anthropic.resources.messages, httpx, openai.resources.chat, prompt_toolkit, pydantic, rich, yaml  # noqa: F401

    @staticmethod
    def main(_rec, _home):
        sys.argv = ["hermes", "-t", "safe", "-z", "ping"]
        from hermes_cli.main import main

        main()

    def key(self, draw, provider, where):
        key = draw.choice(self.providers[provider][2]) + where + "-" + tag(draw)
        return odd(draw, key) if some(draw, 0.22) else key

    def dotenv(self, draw, provider, where):
        head = lambda: draw.choice(["", "", "", "export ", "  ", "export\t"])
        value = lambda: draw.choice(["", "", "\"", "'"]).join(("", self.key(draw, provider, where).replace("\n", "\\n"), ""))
        parts = [head() + name + "=" + value() for name in self.providers[provider][0] if some(draw, 0.55)]
        draw.shuffle(parts)
        if some(draw, 0.2):
            parts.insert(0, draw.choice(["# keys", "LANG2='x y'", "", "TZ=UTC", "  # c"]))
        if some(draw, 0.3):
            parts.append(draw.choice(["OTHER=1", "# end", "", "TZ=UTC "]))
        return lines(draw, parts)

    def pool(self, draw, provider):
        entries = []
        for at in range(draw.choice([1, 1, 2])):
            entry = {"id": tag(draw), "label": "l%d" % at, "auth_type": "api_key", "priority": at, "source": "manual",
                     "access_token": self.key(draw, provider, "POOL%d" % at)}
            if some(draw, 0.5):
                entry["base_url"] = "{{BASE}}/pool/v1"
            if some(draw, 0.12):
                entry["last_status"] = draw.choice(["dead", "exhausted"])
            entries.append(entry)
        name = "custom:lab" if provider == "lab" else provider
        return json.dumps({"version": 1, "active_provider": None, "providers": {}, "credential_pool": {name: entries},
                           "updated_at": "2026-07-01T00:00:00+00:00"}, indent=1, ensure_ascii=False)

    def draft(self, draw):
        provider = draw.choice(["anthropic"] * 5 + list(self.providers))
        names, model, _ = self.providers[provider]
        env = {name: self.key(draw, provider, "SHELL") for name in names if some(draw, 0.35)}
        config = 'model:\n  provider: "%s"\n  default: "%s"\n' % (provider, model)
        if provider == "lab":
            config += 'custom_providers:\n  - name: "lab"\n    base_url: "{{BASE}}/lab/v1"\n    key_env: %s\n' % draw.choice(names)
        files = {".hermes/config.yaml": config}
        if some(draw, 0.72):
            files[".hermes/.env"] = self.dotenv(draw, provider, "DOTENV")
        if some(draw, 0.3):
            files[".hermes/auth.json"] = self.pool(draw, provider)
        if provider == "anthropic" and some(draw, 0.3):
            login = '{"claudeAiOauth": {"accessToken": "sk-ant-oat01-FAKE-%s", "expiresAt": %s}}'
            files[".claude/.credentials.json"] = login % (tag(draw), draw.choice(["{{FUTUREMS}}", "{{PASTMS}}", "0"]))
        chosen = some(draw, 0.06)
        if chosen:
            files[".hermes/active_profile"] = draw.choice(["work", "default", "gone", "Work\n"])
            files[".hermes/profiles/work/config.yaml"] = config
            files[".hermes/profiles/work/.env"] = self.dotenv(draw, provider, "WORK")
        return {"title": provider, "provider": "auto" if chosen else provider, "env": env, "files": files}


AGENTS = {"aider": Aider, "hermes": Hermes, "litellm": LiteLlm, "llm": Llm}


def main():
    from importlib import metadata

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("agent", choices=sorted(AGENTS))
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--out", required=True, help="the folder for the recordings; one folder below it for each agent")
    options = parser.parse_args()
    agent, warm, draw = AGENTS[options.agent](), Warm(), random.Random(options.seed)
    agent.preload()
    folder = os.path.join(options.out, options.agent)
    os.makedirs(folder, exist_ok=True)
    for at in range(options.runs):
        name = "gen-%s-%d-%03d" % (options.agent, options.seed, at)
        rec = {"tool": options.agent, "id": name, "args": [], **agent.draft(draw), "version": metadata.version(agent.version)}
        rec["expect"], words = warm.run(agent, rec)
        if rec["expect"]["key"] is None:
            rec["notes"] = words
        with open(os.path.join(folder, name + ".txt"), "w", encoding="utf-8", newline="\n") as file:
            file.write(recording.dumps(rec))
        print(name, rec["title"], rec["expect"], flush=True)
    shutil.rmtree(warm.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
