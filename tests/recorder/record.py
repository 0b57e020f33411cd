#!/usr/bin/env python3
"""Runs a real agent once for a recording and writes, or compares, what it sent.

    python3 tests/recorder/record.py --program ~/venv/bin/llm tests/recordings/llm/llm-40.txt
    python3 tests/recorder/record.py --check --program ~/venv/bin/llm tests/recordings/llm/*.txt

The file is a draft (all but its `expect` section) or a recording. Without --check its `version` and `expect` are written from
the run. The folder's name says which program it is; `programs.py` says how that one is asked. The program runs in a home of
its own, talks to a server on loopback alone, and is ended with everything it started. Fake keys only.
"""

import argparse
import base64
import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import capture
import programs
import recording


def fake_jwt(now):
    code = lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    claims = {"sub": "user-fake", "exp": now + 30 * 86400, "scope": "inference:invoke",
              "https://api.openai.com/auth": {"chatgpt_account_id": "acct-fake"}}
    return ".".join((code('{"alg":"none"}'), code(json.dumps(claims, separators=(",", ":"))), "c2ln"))


class Home:
    """The recording's home and working directory on disk, and the placeholders with what they stand for."""

    def __init__(self, rec, root, base):
        self.root, self.home = root, root + "/home"
        cwd = (rec.get("opts") or {}).get("cwd", "{ROOT}/work").replace("{ROOT}", root).replace("{HOME}", self.home)
        if rec["tool"] == "hermes" or rec.get("cwd"):
            cwd = os.path.join(self.home, rec.get("cwd", ""))
        self.cwd, now = os.path.normpath(cwd), int(time.time())
        later = datetime.datetime.fromtimestamp(now + 7200, datetime.timezone.utc).isoformat()
        self.marks = {"{{BASE}}": base, "{{PORT}}": base.rsplit(":", 1)[1], "{{HOME}}": self.home, "{{CWD}}": self.cwd,
                      "{{ROOT}}": root, "{{NOWMS}}": str(now * 1000), "{{NOW}}": str(now), "{{FUTUREMS}}": str((now + 7200) * 1000),
                      "{{PASTMS}}": str((now - 7200) * 1000), "{{FUTUREISO}}": later, "{{JWT}}": fake_jwt(now)}
        for folder in (self.home, self.cwd):
            os.makedirs(folder, exist_ok=True)
        for path, content in rec["files"].items():
            self._file(path, content, rec.get("modes", {}).get(path, "600"))
        for link, target in rec.get("symlinks", {}).items():
            os.makedirs(os.path.dirname(self.path(link)), exist_ok=True)
            os.symlink(target, self.path(link))

    def path(self, path):
        path = self.fill(path)
        return os.path.normpath(os.path.join(self.cwd, path[4:]) if path.startswith("CWD/") else os.path.join(self.home, path))

    def _file(self, path, content, mode):
        data = base64.b64decode(content[4:]) if content.startswith("b64:") else self.fill(content).encode()
        path = self.path(path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        # A helper that a configuration names is a program.
        os.chmod(path, int(mode, 8) | (0o100 if data.startswith(b"#!") else 0))

    def fill(self, text):
        for mark, value in self.marks.items():
            text = text.replace(mark, value)
        return text

    def blank(self, value):
        """The other way: what a run has seen, with placeholders again."""
        if isinstance(value, dict):
            return {name: self.blank(one) for name, one in value.items()}
        if not isinstance(value, str):
            return value
        for mark in ("{{BASE}}", "{{JWT}}", "{{CWD}}", "{{HOME}}"):
            value = value.replace(self.marks[mark], mark)
        return value


def ended(home):
    """Ends what the program has left running: the processes whose HOME is this home."""
    for name in (signal.SIGTERM, signal.SIGKILL):
        left = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/environ" % pid, "rb") as file:
                    if b"HOME=" + home.encode() in file.read().split(b"\0"):
                        left.append(int(pid))
            except OSError:
                pass
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, name)
            except ProcessLookupError:
                pass
        time.sleep(0.5)


def environment(rec, program, home, server):
    env = {"PATH": os.environ["PATH"], "HOME": home.home, "USER": "tester", "LOGNAME": "tester", "LANG": "C.UTF-8",
           "TERM": "xterm-256color", "SHELL": "/bin/sh", "TMPDIR": home.root}
    env.update(server.environment())
    env.update(program.environment)
    for name, value in rec["env"].items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = home.fill(value)
    return env


def command(rec, program, binary, home):
    model = rec.get("model") or (rec.get("opts") or {}).get("model") or program.models.get(rec.get("provider"), "")
    asked = [one.replace("{model}", model).replace("{provider}", rec.get("provider", "")) for one in program.command]
    return binary.split() + [home.fill(one) for one in rec.get("args", [])] + asked


def run(rec, binary, seconds=None):
    """What the program sent in its first model request, and its last words."""
    program = programs.HERE[rec["tool"]]
    root = tempfile.mkdtemp(prefix="recording-")
    os.mkdir(root + "/ca")
    server = capture.Capture(root + "/ca")
    home = Home(rec, root, server.base)
    output = open(root + "/output", "w+b")
    try:
        child = subprocess.Popen(command(rec, program, binary, home), cwd=home.cwd, env=environment(rec, program, home, server),
                                 stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        end = time.monotonic() + (seconds or rec.get("timeout") or program.seconds)
        while time.monotonic() < end and child.poll() is None and not server.model_calls():
            time.sleep(0.1)
        calls = server.model_calls()
        try:
            os.killpg(child.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        ended(home.home)
        output.seek(0)
        words = output.read().decode("utf-8", "replace").replace(home.home, "~")
        return home.blank(capture.seen(calls[0] if calls else None)), words.strip()[-600:]
    finally:
        output.close()
        server.close()
        shutil.rmtree(root, ignore_errors=True)


def version(program, binary):
    shown = subprocess.run(binary.split() + list(program.version), capture_output=True, text=True, stdin=subprocess.DEVNULL,
                           timeout=60, check=False).stdout
    found = [word.strip("v,()") for word in shown.split() if word.strip("v,()")[:1].isdigit() and "." in word]
    return found[0] if found else None


def same(expect, got):
    """Whether a recording says what the run has shown; an address in another letter case is the same."""
    lower = lambda text: (text or "").lower()
    return (expect.get("key"), lower(expect.get("header")).split(":")[0], expect.get("base")) == (
        got.get("key"), lower(got.get("header")).split(":")[0], got.get("base"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--program", required=True, help="the program, with arguments if it needs some (\"node x.js\")")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 where a run differs")
    options, differ = parser.parse_args(), 0
    for path in options.files:
        tool, name = os.path.basename(os.path.dirname(os.path.abspath(path))), os.path.basename(path)[: -len(".txt")]
        with open(path, encoding="utf-8", newline="") as file:
            rec = recording.loads(file.read(), tool, name)
        if options.check and not rec["ask"]:
            continue
        got, words = run(rec, options.program)
        if options.check:
            right = same(rec["expect"], got)
            differ += not right
            print("ok  " if right else "DIFF", tool + "/" + name, "" if right else "%s, recorded %s\n     %s" % (got, rec["expect"], words),
                  flush=True)
            continue
        rec.update(version=version(programs.HERE[tool], options.program), expect=got)
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(recording.dumps(rec))
        print(path, got, "" if got["key"] else "\n     " + words, flush=True)
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    main()
