"""What `generate.py` draws for each agent: a function from a random generator to the parts of a recording (`env`, `files`,
`cwd`, ...). A new agent is one function and one entry of `DRAWS`. Keys are fake and tell where they are from."""

import base64
import json


def some(rng, chance):
    return rng.random() < chance


def key(rng, place):
    """A key, mostly plain; sometimes in a form that a person or an editor makes of it."""
    text = "%s_%s_%04x" % (rng.choice(["KEY", "sk-ant-api03-FAKE"]), place, rng.randrange(16 ** 4))
    forms = [lambda: text] * 12 + [
        lambda: text + "\n", lambda: " " + text, lambda: text + "  ", lambda: "", lambda: "  ", lambda: "'%s'" % text,
        lambda: "Bearer " + text, lambda: "${OTHER_KEY}", lambda: text[:6] + "\n" + text[6:], lambda: text + "\u20ac",
        lambda: text + "\u00e4", lambda: "null"]
    return rng.choice(forms)()


def odd_value(rng, text):
    """A value of a JSON file: the text, sometimes something else in its place."""
    odd = [None, 12345678, 1.50, 1e21, True, ["x", "y"], [], {"a": 1}, ["x", None]]
    return rng.choice(odd) if some(rng, 0.12) else text


def as_file(rng, tree, odd=0.12):
    """A JSON text, sometimes in other bytes or damaged."""
    text = json.dumps(tree, indent=rng.choice([None, 2]), ensure_ascii=False)
    coded = lambda data: "b64:" + base64.b64encode(data).decode()
    if not some(rng, odd):
        return text + "\n"
    return rng.choice([
        lambda: "\ufeff" + text, lambda: text.replace("\n", "\r\n"), lambda: "", lambda: " \n", lambda: "[]", lambda: "null",
        lambda: text[:-1], lambda: text[:-1] + ",}", lambda: "// note\n" + text, lambda: text + "x", lambda: text.replace('"', "'"),
        lambda: coded(b"\xff\xfe" + text.encode("utf-16-le")), lambda: coded(text.encode().replace(b"KEY", b"K\xffY"))])()


# Claude Code

VARIABLES = ["ANTHROPIC_API_KEY"] * 5 + ["ANTHROPIC_AUTH_TOKEN"] * 3 + ["CLAUDE_CODE_OAUTH_TOKEN"] * 2
ADDRESSES = ["{{BASE}}", "{{BASE}}/v1", "{{BASE}}/", "https://gw.example.test/anthropic", "https://gw.example.test:8443",
             "gw.example.test", "", "  "]
HEADERS = ["X-Api-Key: KEY_%s", "Authorization: Bearer KEY_%s", "X-Api-Key:", "X-Team: a", "bogus", "X-Team: a\nX-Api-Key: KEY_%s",
           "X-Api-Key: KEY_1\nx-api-key: KEY_%s", "X Team: a", "Authorization: KEY_%s", ""]
HELPERS = ["echo KEY_%s", "printf %%s KEY_%s", "echo warn >&2; echo KEY_%s", "exit 1", "echo", "echo a KEY_%s", "cat ~/.key",
           "echo $ANTHROPIC_API_KEY", "echo H$MY_VAR", "echo KEY_%s; exit 3", "cat ~/none 2>/dev/null", "  ", "echo 'KEY_%s'"]
GOOD = [("model", "claude-sonnet-4-5"), ("permissions", {"allow": ["Bash(ls)"], "defaultMode": "plan"}), ("cleanupPeriodDays", 30),
        ("includeCoAuthoredBy", False), ("statusLine", {"type": "command", "command": "true"}), ("unknownKey", 5), ("theme", 5),
        ("forceLoginMethod", "bogus"), ("effortLevel", "x"), ("permissions", {"allow": ["Bash(ls", 5]}), ("hooks", {"Bogus": []}),
        ("hooks", {"PostToolUse": [{"hooks": [{"type": "bogus"}]}]}), ("enabledPlugins", {"a@b": True}), ("disableAutoMode", None),
        ("hooks", {"PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "true"}]}]}), ("attribution", True),
        ("outputStyle", "Explanatory"), ("enabledMcpjsonServers", "one"), ("extraKnownMarketplaces", 5), ("modelPicker", 5)]
BAD = [("model", 5), ("model", None), ("permissions", "x"), ("permissions", {"allow": "Bash(ls)"}), ("permissions", []),
       ("permissions", {"defaultMode": "x"}), ("cleanupPeriodDays", "30"), ("cleanupPeriodDays", 0), ("cleanupPeriodDays", 1.5),
       ("includeCoAuthoredBy", "yes"), ("statusLine", "x"), ("statusLine", {"type": "command"}), ("hooks", {"PreToolUse": "x"}),
       ("hooks", {"PreToolUse": [{"hooks": [{"type": "bogus"}]}]}), ("PreToolUse", [{"hooks": []}]), ("enabledPlugins", {"a@b": 5}),
       ("outputStyle", 5), ("attribution", "x"), ("sandbox", True), ("sandbox", {"enabled": "x"}), ("tui", "x"), ("voice", "x"),
       ("permissions", {"additionalDirectories": [5]}), ("enabledMcpjsonServers", "a b"), ("disableAllHooks", None),
       ("extraKnownMarketplaces", {"a": {"source": {"source": "bogus"}}}), ("strictKnownMarketplaces", "x"), ("env", 5)]
CLOUDS = {
    "CLAUDE_CODE_USE_BEDROCK": ["AWS_BEARER_TOKEN_BEDROCK", "CLAUDE_CODE_SKIP_BEDROCK_AUTH", "ANTHROPIC_BEDROCK_BASE_URL"],
    "CLAUDE_CODE_USE_MANTLE": ["AWS_BEARER_TOKEN_BEDROCK", "CLAUDE_CODE_SKIP_MANTLE_AUTH", "ANTHROPIC_BEDROCK_MANTLE_BASE_URL"],
    "CLAUDE_CODE_USE_FOUNDRY": ["ANTHROPIC_FOUNDRY_API_KEY", "ANTHROPIC_FOUNDRY_AUTH_TOKEN", "ANTHROPIC_FOUNDRY_BASE_URL",
                                "CLAUDE_CODE_SKIP_FOUNDRY_AUTH", "ANTHROPIC_FOUNDRY_RESOURCE"],
    "CLAUDE_CODE_USE_ANTHROPIC_AWS": ["ANTHROPIC_AWS_API_KEY", "ANTHROPIC_AWS_WORKSPACE_ID", "ANTHROPIC_AWS_BASE_URL",
                                      "CLAUDE_CODE_SKIP_ANTHROPIC_AWS_AUTH"],
    "CLAUDE_CODE_USE_VERTEX": ["CLAUDE_CODE_SKIP_VERTEX_AUTH"],
}


def claude_env(rng, place, value=lambda _, text: text):
    """Variables of one place."""
    env = {}
    for _ in range(rng.choice([0, 1, 1, 1, 2])):
        env[rng.choice(VARIABLES)] = value(rng, key(rng, place))
    if some(rng, 0.15):
        env["ANTHROPIC_BASE_URL"] = value(rng, rng.choice(ADDRESSES))
    if some(rng, 0.15):
        text = rng.choice(HEADERS)
        env["ANTHROPIC_CUSTOM_HEADERS"] = text % place if "%s" in text else text
    if some(rng, 0.1):
        env["MY_VAR"] = "VAR_" + place
    return env


def claude_settings(rng, place):
    tree = {}
    env = claude_env(rng, place, odd_value)
    if env or some(rng, 0.5):
        tree["env"] = env
    if some(rng, 0.2):
        command = rng.choice(HELPERS)
        tree["apiKeyHelper"] = command % place if "%s" in command else command.replace("%%", "%")
    if some(rng, 0.3):
        name, wrong = rng.choice(GOOD)
        tree[name] = wrong
    if some(rng, 0.15):
        name, wrong = rng.choice(BAD)
        tree[name] = wrong
    return as_file(rng, tree)


def claude_git(rng, files):
    """A repository around the working directory, or something that looks like one; the folders of local settings."""
    cwd = rng.choice(["proj", "proj/a/b", "proj/a"])
    head = "ref: refs/heads/main\n"
    kind = rng.choice(["none", "plain", "plain", "plain", "file", "worktree", "bare", "lost", "home"])
    roots = ["proj"]
    if kind == "plain":
        files["proj/.git/HEAD"] = head
    elif kind == "file":
        files["proj/.git"] = rng.choice(["gitdir: ../main/.git/modules/proj\n", "what is this\n", ""])
    elif kind == "home":
        files[".git/HEAD"] = head
    elif kind in ("worktree", "bare", "lost"):
        own = "main.git/worktrees/w" if kind == "bare" else "main/.git/worktrees/w"
        roots.append("main.git" if kind == "bare" else "main")
        files["proj/.git"] = "gitdir: {{HOME}}/%s\n" % own
        files.update({own + "/commondir": "../..\n", own + "/HEAD": head})
        files[own + "/gitdir"] = "{{HOME}}/%s/.git\n" % ("elsewhere" if kind == "lost" else "proj")
        files["main.git/HEAD" if kind == "bare" else "main/.git/HEAD"] = head
    return cwd, roots


def claude_code(rng):
    files, env, cwd, folder = {}, {}, None, "CWD"
    roots = []
    if some(rng, 0.5):
        cwd, roots = claude_git(rng, files)
        folder = cwd
    env.update(claude_env(rng, "env"))
    home = ".claude"
    state = ".claude.json"
    if some(rng, 0.1):
        env["CLAUDE_CONFIG_DIR"], home, state = "{{HOME}}/alt", "alt", "alt/.claude.json"
    for path, place, chance in [(home + "/settings.json", "user", 0.5), (folder + "/.claude/settings.json", "proj", 0.35),
                                (folder + "/.claude/settings.local.json", "local", 0.35)]:
        if some(rng, chance):
            files[path] = claude_settings(rng, place)
    for root in roots:
        if root != folder and some(rng, 0.6):
            files[root + "/.claude/settings.local.json"] = claude_settings(rng, "root")
    if some(rng, 0.4):
        login = {"accessToken": key(rng, "login"), "refreshToken": "KEY_refresh", "expiresAt": 4102444800000,
                 "scopes": rng.choice([["user:inference", "user:profile"], ["user:inference"], ["user:profile"], None])}
        files[home + "/.credentials.json"] = as_file(rng, {"claudeAiOauth": login})
    if some(rng, 0.4):
        tree = rng.choice([{"primaryApiKey": key(rng, "primary")}, {"numStartups": 3}, {"primaryApiKey": "KEY_primary"}])
        files[state] = as_file(rng, tree)
    if some(rng, 0.15):
        config = {"version": "1.0", "organization_id": "org-1", "authentication": {"type": "user_oauth", "client_id": "cid"}}
        if some(rng, 0.4):
            config["base_url"] = "{{BASE}}/profile"
        files[".config/anthropic/configs/default.json"] = json.dumps(config)
        files[".config/anthropic/credentials/default.json"] = json.dumps(
            {"access_token": "KEY_profile", "refresh_token": "KEY_refresh", "expires_at": 4102444800})
        if some(rng, 0.4):
            env["ANTHROPIC_PROFILE"] = "default"
    if some(rng, 0.2):
        switch = rng.choice(sorted(CLOUDS))
        env.update({switch: "1", "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "CLOUD_ML_REGION": "us-east5",
                    "ANTHROPIC_VERTEX_PROJECT_ID": "p1", "ANTHROPIC_VERTEX_BASE_URL": "{{BASE}}/vertex"})
        for name in CLOUDS[switch]:
            if some(rng, 0.6):
                env[name] = ("1" if "SKIP" in name else "{{BASE}}/cloud" if "URL" in name else "my-resource" if "RESOURCE" in name
                             else key(rng, "cloud"))
    files.setdefault(".key", "KEY_file\n")
    return {"env": {name: value for name, value in env.items() if "\0" not in value}, "files": files,
            **({"cwd": cwd} if cwd else {})}


DRAWS = {"claude-code": claude_code}
