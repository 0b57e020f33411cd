"""Recordings as text files: one file per recording, readable in a diff, the format that `cargo test` reads.

A recording says what is in the home, what is in the environment, and what the real program then sent:

    title: auth.json and OPENAI_API_KEY
    version: 0.169.0
    provider: openai

    -- env --
    OPENAI_API_KEY=KEY_env

    -- home/.codex/auth.json --
    {"OPENAI_API_KEY": "KEY_file"}

    -- expect --
    key: KEY_file
    header: Authorization: Bearer

The tool is the folder's name, the id is the file's. `cwd/` is the working directory, `etc/` the managed directory. A section's
name can carry `mode=640`, `base64` (bytes that are not plain text), and `no-newline` (the file does not end in one).
A field is text; what parses as JSON and is not meant as text is JSON. `tests/recordings/README.md` lists the fields.
"""

import base64
import json
import os
import re

MARK = re.compile(r"^-- (.+) --$")
FOLDERS = {"CWD/": "cwd/", "ETC/": "etc/"}


def _field(value):
    """One line: text where that is unambiguous, JSON otherwise."""
    if isinstance(value, str) and value and value == value.strip() and value.isprintable():
        try:
            json.loads(value)
        except ValueError:
            if value[0] not in "{[\"":
                return value
    return json.dumps(value, ensure_ascii=False)


def _plain(text):
    """Whether the text can be in the file as it is: no control characters, no line that looks like a section."""
    return all(c == "\n" or c == "\t" or c.isprintable() for c in text) and not any(
        MARK.match(line) for line in text.split("\n")
    )


def _section(name, content, mode):
    head = [name]
    if mode:
        head.append("mode=" + mode.lstrip("0o"))
    data = base64.b64decode(content[4:]) if content.startswith("b64:") else None
    if data is None and not _plain(content):
        # The placeholders of the text still have to be filled in: such a content stays text, as a JSON string.
        head.append("json")
        body = json.dumps(content, ensure_ascii=True)
    elif data is not None:
        head.append("base64")
        body = base64.b64encode(data).decode()
    else:
        body = content
        if body.endswith("\n"):
            body = body[:-1]
        else:
            head.append("no-newline" if body else "empty")
    return "\n-- %s --\n%s\n" % (" ".join(head), body)


def dumps(recording):
    """The text of a recording given as the dictionary that `loads` returns."""
    rec = dict(recording)
    out = []
    for drop in ("id", "tool"):
        rec.pop(drop, None)
    env, files, modes = rec.pop("env"), rec.pop("files"), rec.pop("modes", {})
    links, rows, expect = rec.pop("symlinks", {}), rec.pop("sqlite", []), rec.pop("expect")
    if rec.get("ask") is True:
        rec.pop("ask")
    for name, value in rec.items():
        out.append("%s: %s\n" % (name, _field(value)))
    if env:
        out.append("\n-- env --\n")
        for name, value in env.items():
            plain = isinstance(value, str) and value == value.strip() and value.isprintable() and value[:1] != '"'
            out.append("%s=%s\n" % (name, value if plain else json.dumps(value) if value is not None else '"" unset'))
    for path, content in files.items():
        folder = next((new + path[len(old):] for old, new in FOLDERS.items() if path.startswith(old)), "home/" + path)
        out.append(_section(folder, content, modes.get(path)))
    if links:
        out.append("\n-- links --\n")
        out.extend("%s -> %s\n" % item for item in links.items())
    for row in rows:
        row = dict(row)
        name = "sqlite %s %s" % (row.pop("db"), row.pop("path"))
        out.append("\n-- %s --\n%s\n" % (name, json.dumps(row, ensure_ascii=False, indent=1)))
    out.append("\n-- expect --\n")
    for name, value in expect.items():
        out.append("%s: %s\n" % (name, _field(value)))
    return "".join(out)


def _value(text):
    if text[:1] in '{["' or text in ("true", "false", "null") or re.fullmatch(r"-?\d+(\.\d+)?", text):
        return json.loads(text)
    return text


def _fields(lines):
    return {name: _value(value.strip()) for name, _, value in (line.partition(":") for line in lines if line.strip())}


def loads(text, tool, id):
    """The dictionary of a recording; `dumps` of it gives the text again."""
    parts, name = [("", [])], ""
    for line in text.split("\n")[:-1]:
        mark = MARK.match(line)
        if mark:
            if parts[-1][1] and parts[-1][1][-1] == "":
                parts[-1][1].pop()
            parts.append((mark.group(1), []))
        else:
            parts[-1][1].append(line)
    rec = {"id": id, "tool": tool, "ask": True, "env": {}, "files": {}, **_fields(parts[0][1])}
    for name, lines in parts[1:]:
        words = name.split(" ")
        body = "\n".join(lines)
        if name == "env":
            for line in lines:
                key, _, value = line.partition("=")
                rec["env"][key] = None if value == '"" unset' else json.loads(value) if value[:1] == '"' else value
        elif name == "links":
            rec["symlinks"] = dict(line.split(" -> ", 1) for line in lines)
        elif words[0] == "sqlite":
            rec.setdefault("sqlite", []).append({"db": words[1], "path": words[2], **json.loads(body)})
        elif name == "expect":
            rec["expect"] = _fields(lines)
        else:
            flags = {w for w in words if w in ("base64", "json", "no-newline", "empty") or w.startswith("mode=")}
            path = " ".join(w for w in words if w not in flags)
            folder, _, rest = path.partition("/")
            path = {"home": "", "cwd": "CWD/", "etc": "ETC/"}[folder] + rest
            for flag in flags:
                if flag.startswith("mode="):
                    rec.setdefault("modes", {})[path] = flag[5:]
            if "base64" in flags:
                rec["files"][path] = "b64:" + body
            elif "json" in flags:
                rec["files"][path] = json.loads(body)
            elif "empty" in flags:
                rec["files"][path] = ""
            else:
                rec["files"][path] = body if "no-newline" in flags else body + "\n"
    return rec


def write(folder, recording):
    """Writes the recording below `folder`, in the folder of its tool."""
    path = os.path.join(folder, recording["tool"], recording["id"] + ".txt")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(dumps(recording))
    return path
