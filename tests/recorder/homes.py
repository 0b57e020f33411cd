#!/usr/bin/env python3
"""Random homes of Goose, Qwen Code and Continue, run by the real program, as recordings.

    python3 tests/recorder/homes.py --program ~/npm/node_modules/.bin/qwen --seed 7 --runs 40 qwen-code /tmp/new
    cp /tmp/new/*.txt tests/recordings/qwen-code/ && cargo test --test recordings qwen-code/r

The same seed gives the same homes. What differs from the prediction is a rule to mend; what tells most is worth keeping.
"""

import argparse
import json
import os
import random

import programs
import record
import recording

BLANKS = ["", " ", "\t"]


def key(rnd, name):
    """A fake key, sometimes with what people leave around it."""
    text = "KEY_%s_%05x" % (name, rnd.randrange(1 << 20))
    return rnd.choice([text] * 8 + [" " + text, text + " ", '"%s"' % text, text + "\n", text + " # old", "", "12345", "é" + text])


def lines(rnd, names, where):
    """A .env file."""
    forms = ["%s=%s", "%s = %s", "export %s=%s", "%s='%s'", '%s="%s"', "%s: %s", "# %s=%s", "%s=%s # mine"]
    picked = [rnd.choice(names) for _ in range(rnd.randrange(1, 4))]
    return "".join(rnd.choice(forms) % (name, "KEY_%s_%05x" % (where, rnd.randrange(1 << 20))) + "\n" for name in picked)


def maybe(rnd, chance, value):
    return value if rnd.random() < chance else None


def put(table, name, value):
    if value is not None:
        table[name] = value


def goose(rnd):
    env, files, config, secrets = {"GOOSE_DISABLE_KEYRING": "1"}, {}, {}, {}
    hosts = {"anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_HOST"), "openai": ("OPENAI_API_KEY", "OPENAI_HOST"),
             "google": ("GOOGLE_API_KEY", "GOOGLE_HOST"), "openrouter": ("OPENROUTER_API_KEY", "OPENROUTER_HOST"),
             "xai": ("XAI_API_KEY", "XAI_HOST"), "litellm": ("LITELLM_API_KEY", "LITELLM_HOST"), "groq": ("GROQ_API_KEY", None),
             "zai": ("ZHIPU_API_KEY", "ZAI_BASE_URL"), "venice": ("VENICE_API_KEY", "VENICE_HOST"),
             "databricks": ("DATABRICKS_TOKEN", "DATABRICKS_HOST"), "custom_mine": ("MINE_KEY", None)}
    provider = rnd.choice(list(hosts))
    name, host = hosts[provider]
    place = rnd.choice([env, config])
    put(place, "GOOSE_PROVIDER", rnd.choice([provider] * 12 + ["nosuch", ""]))
    put(rnd.choice([env, config]), "GOOSE_MODEL", rnd.choice(["m1"] * 12 + [None]))
    put(env, name, maybe(rnd, 0.5, key(rnd, "env")))
    put(secrets, name, maybe(rnd, 0.6, key(rnd, "sec")))
    put(config, name, maybe(rnd, 0.2, key(rnd, "conf")))
    if host:
        put(rnd.choice([env, config]), host, maybe(rnd, 0.8 if provider == "databricks" else 0.5,
                                                   rnd.choice(["{{BASE}}", "{{BASE}}/p", "{{BASE}}/"] * 4 + ["", "gw.test"])))
    put(env, "OPENAI_BASE_URL", maybe(rnd, 0.15, rnd.choice(["{{BASE}}/b/v1", "", " ", "mine"])))
    put(env, "OPENAI_CUSTOM_HEADERS", maybe(rnd, 0.2, "Authorization=Bearer KEY_own,X-Api-Key=KEY_x"))
    if provider == "custom_mine" or rnd.random() < 0.15:
        mine = {"name": rnd.choice(["custom_mine"] * 6 + ["other"]), "engine": rnd.choice(["openai"] * 5 + ["anthropic"] * 3 + ["ollama", "openai_compatible"]),
                "display_name": "Mine", "description": "x", "api_key_env": rnd.choice(["MINE_KEY"] * 6 + ["", "mine_key"]),
                "base_url": rnd.choice(["{{BASE}}/mine/v1", "{{BASE}}", "{{BASE}}/mine/v1/chat/completions", "${MINE_HOST}/v1", "mine/v1"]),
                "models": [{"name": "m1", "context_limit": 1000}]}
        put(mine, "requires_auth", maybe(rnd, 0.2, rnd.choice([True, False])))
        put(mine, "headers", maybe(rnd, 0.25, {rnd.choice(["Authorization", "x-api-key"]): "Bearer KEY_h"}))
        put(mine, "env_vars", maybe(rnd, 0.5, [{"name": "MINE_HOST", "default": "{{BASE}}/d"}]))
        if rnd.random() < 0.1:
            mine.pop(rnd.choice(["models", "display_name", "description", "api_key_env"]))
        files[".config/goose/custom_providers/%s.json" % rnd.choice(["custom_mine", "x"])] = json.dumps(mine, indent=1)
    for path, table in ((".config/goose/config.yaml", config), (".config/goose/secrets.yaml", secrets)):
        if table:
            files[path] = "".join("%s: %s\n" % (k, rnd.choice([json.dumps(v, ensure_ascii=False), v if v.strip() and "\n" not in v and '"' not in v else json.dumps(v)]))
                                  for k, v in table.items())
    return {"env": env, "files": files}


def qwen(rnd):
    names = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "gemini": "GEMINI_API_KEY", "openai-responses": "OPENAI_API_KEY"}
    env, files = {}, {}
    variables = ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MINE", "OTHER"]

    def settings(where):
        all_of_it, auth, protocol = {}, {}, rnd.choice(list(names))
        put(auth, "selectedType", maybe(rnd, 0.75, rnd.choice([protocol] * 9 + ["qwen-oauth", "nosuch", ""])))
        put(auth, "apiKey", maybe(rnd, 0.25, key(rnd, "auth")))
        put(auth, "baseUrl", maybe(rnd, 0.35, "{{BASE}}/%s/v1" % where))
        put(auth, "enforcedType", maybe(rnd, 0.05, rnd.choice(list(names))))
        models = [{"id": rnd.choice(["m1", "m2"]), **{k: v for k, v in (
            ("envKey", maybe(rnd, 0.8, rnd.choice(["MINE", "OPENAI_API_KEY", "NOPE"]))),
            ("baseUrl", maybe(rnd, 0.75, "{{BASE}}/%s/m%d/v1" % (where, at))),
            ("wireApi", maybe(rnd, 0.1, rnd.choice(["responses", "chat-completions", "x"]))),
            ("imageOnly", maybe(rnd, 0.07, True)),
            ("generationConfig", maybe(rnd, 0.12, {"customHeaders": {"Authorization": "Bearer KEY_h"}}))) if v is not None}}
            for at in range(rnd.randrange(1, 3))]
        put(all_of_it, "modelProviders", maybe(rnd, 0.6, {rnd.choice([protocol] * 5 + ["mine"]): models}))
        put(all_of_it, "providerProtocol", maybe(rnd, 0.15, {"mine": protocol}))
        put(all_of_it, "model", maybe(rnd, 0.6, {"name": rnd.choice(["m1", "m2", "m9"])}))
        put(all_of_it, "env", maybe(rnd, 0.25, {rnd.choice(variables): key(rnd, "block")}))
        if auth:
            all_of_it["security"] = {"auth": auth}
        return json.dumps(all_of_it, indent=2)

    for name in variables[:4]:
        put(env, name, maybe(rnd, 0.35, key(rnd, "env")))
    put(env, "OPENAI_BASE_URL", maybe(rnd, 0.25, rnd.choice(["{{BASE}}/e/v1", "", "{{BASE}}/e"])))
    put(env, "ANTHROPIC_BASE_URL", maybe(rnd, 0.4, rnd.choice(["{{BASE}}/an", "https://api.anthropic.com"])))
    put(env, "OPENAI_MODEL", maybe(rnd, 0.25, "m1"))
    put(env, "GEMINI_MODEL", maybe(rnd, 0.2, "m1"))
    put(files, ".qwen/settings.json", maybe(rnd, 0.9, settings("user")))
    put(files, "CWD/.qwen/settings.json", maybe(rnd, 0.25, settings("proj")))
    for path in (".qwen/.env", ".env", "CWD/.env", "CWD/.qwen/.env"):
        put(files, path, maybe(rnd, 0.25, lines(rnd, variables, "file")))
    return {"env": env, "files": files}


def continue_cli(rnd):
    secret, env, files, models = ["MY_KEY", "OTHER"], {}, {}, []
    for at in range(rnd.randrange(1, 4)):
        provider = rnd.choice(["openai", "openai", "anthropic", "openrouter", "groq", "deepseek", "mistral", "azure", "ollama", "nosuch"])
        fields = ["name: m%d" % at, "provider: " + provider, "model: x/m"]
        if rnd.random() < 0.85:
            fields.append("apiBase: {{BASE}}/c%d/v1%s" % (at, rnd.choice(["", "/"])))
        value = rnd.choice([json.dumps(key(rnd, "lit"))] * 3 + ["${{ secrets.MY_KEY }}"] * 4 + ["${{secrets.OTHER}}", "${{ inputs.MY_KEY }}",
                           '"p-${{ secrets.MY_KEY }}"', None, "null", "5"])
        if value is not None:
            fields.append("apiKey: " + value)
        if rnd.random() < 0.35:
            fields.append("roles: [%s]" % rnd.choice(["chat", "edit", "chat, edit", "autocomplete", ""]))
        if rnd.random() < 0.2:
            fields.append("requestOptions:\n      headers:\n        %s: %s" % (rnd.choice(["Authorization", "X-Api-Key", "X-Team"]),
                                                                          rnd.choice(["Bearer KEY_h", "KEY_h", "${{ secrets.MY_KEY }}"])))
        models.append("  - " + "\n    ".join(fields))
    head = rnd.choice(["name: L\nversion: 0.0.1\nschema: v1\n"] * 9 + ["name: L\n"])
    files[".continue/config.yaml"] = head + "models:\n" + "\n".join(models) + "\n"
    for name in secret:
        put(env, name, maybe(rnd, 0.35, key(rnd, "env")))
    put(env, "ANTHROPIC_API_KEY", maybe(rnd, 0.15, "KEY_anthropic"))
    put(env, "OPENAI_API_KEY", maybe(rnd, 0.3, "KEY_openai"))
    for path in (".continue/.env", "CWD/.env", "CWD/.continue/.env"):
        put(files, path, maybe(rnd, 0.4, lines(rnd, secret, "file")))
    put(files, ".continue/index/globalContext.json", maybe(rnd, 0.15, '{"cliSelectedModel": "m1"}'))
    return {"env": env, "files": files}


HOMES = {"goose": goose, "qwen-code": qwen, "continue": continue_cli}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tool", choices=HOMES)
    parser.add_argument("folder", help="where the recordings go")
    parser.add_argument("--program", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    program, rnd = record.version(programs.HERE[options.tool], options.program), random.Random(options.seed)
    for at in range(options.runs):
        name = "r%d-%03d" % (options.seed, at)
        rec = {"title": "random", "version": program, "provider": "auto", "id": name, "tool": options.tool, "ask": True,
               **HOMES[options.tool](rnd)}
        got, words = record.run(rec, options.program, options.seconds)
        rec["expect"] = got if got.get("key") is not None or "path" in got else {**got, "error": words.split("\n")[0][:160]}
        with open(os.path.join(options.folder, name + ".txt"), "w", encoding="utf-8", newline="\n") as file:
            file.write(recording.dumps(rec))
        print(name, got, flush=True)


if __name__ == "__main__":
    main()
