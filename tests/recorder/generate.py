"""Draws random homes for an agent, runs the real program on each, and compares with what keymend says.

    python3 tests/recorder/generate.py --tool claude-code --program PATH --keymend target/debug/keymend --count 60 --seed 1

What is drawn for an agent is a table in `draws.py`. The same seed draws the same homes. Every home is run on loopback with fake
keys; `--out FOLDER` keeps those on which the two differ as recordings (`--all`: every one), to be looked at and added.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

import draws
import programs
import record
import recording

SALT = "generate"
ADDRESS = "http://127.0.0.1:40123"


def fingerprint(key):
    return hashlib.sha256((SALT + key).encode()).hexdigest()[:12]


def origin(address):
    """Scheme, host and port."""
    scheme, mark, rest = (address or "").strip().partition("://")
    return (scheme + mark + rest.split("/")[0].split("?")[0]).lower()


def sent(expect):
    """What the program sent, in comparable form: the host, and each credential header with the fingerprint of its value."""
    if expect.get("key") is None:
        return None
    fill = lambda text: text.replace("{{BASE}}", ADDRESS)
    pairs = [(expect["header"], expect["key"])] + list((expect.get("also") or {}).items())
    return origin(fill(expect["base"])), {n.lower().split(":")[0]: fingerprint(fill(v)) for n, v in pairs}


def said(rec, keymend):
    """What keymend says of the same home: the outcome's name, what is sent, the header that it names first, its words."""
    root = tempfile.mkdtemp(prefix="generated-")
    try:
        home = record.Home(rec, root, ADDRESS)
        os.mkdir(root + "/bin")
        env = {"PATH": root + "/bin", "HOME": home.home}
        env.update({name: home.fill(value) for name, value in rec["env"].items() if value is not None})
        done = subprocess.run([keymend, "status", rec["tool"], "--json", "--salt", SALT], cwd=home.cwd, env=env,
                              capture_output=True, text=True, timeout=60, check=False)
        try:
            slots = json.loads(done.stdout)["slots"]
        except (ValueError, KeyError):
            return "crash", None, None, done.stderr[-300:]
        slot = next((one for one in slots if one["in_use"] and one["mode"] in (None, "headless")), None)
        if slot is None:
            return "nothing", None, None, "no connection is in use"
        sends = slot["sends"]
        if sends["outcome"] != "sends":
            return sends["outcome"], None, None, sends.get("reason") or ""
        also = [(one["header"], one["fingerprint"]) for one in sends.get("also") or []]
        headers = {name.lower(): print_ for name, print_ in [(sends["header"], sends["fingerprint"])] + also}
        return "sends", (origin(sends["base_url"]), headers), sends["header"].lower(), ""
    finally:
        shutil.rmtree(root, ignore_errors=True)


def verdict(expect, answer):
    outcome, request, _, _ = answer
    if outcome == "crash":
        return "wrong"
    if outcome in ("hidden", "not_known", "unknown"):
        return "not known"
    return "right" if request == sent(expect) else "wrong"


def led_by(expect, header):
    """Of two credentials of one request, the one that keymend names first comes first in the recording, too."""
    pairs = [(expect.get("header"), expect.get("key"))] + list((expect.get("also") or {}).items())
    first = next((pair for pair in pairs if pair[0] and pair[0].lower().split(":")[0] == header), None)
    if first is None or first == pairs[0]:
        return expect
    rest = {name.lower().split(":")[0]: value for name, value in pairs if (name, value) != first}
    return {**expect, "header": first[0], "key": first[1], "also": rest}


def one(tool, seed, number, options):
    rng = random.Random("%s/%s/%d" % (tool, seed, number))
    drawn = draws.DRAWS[tool](rng)
    rec = {"id": "g%s-%03d" % (seed, number), "tool": tool, "ask": True, "title": "drawn at random", "provider": "auto",
           "env": {}, "files": {}, **drawn, "expect": {}}
    answer = said(rec, options.keymend)
    if options.dry:
        return rec, {}, answer, "drawn", ""
    expect, words = record.run(rec, options.program, options.seconds)
    return rec, led_by(expect, answer[2]), answer, verdict(expect, answer), words


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", required=True, choices=sorted(draws.DRAWS))
    parser.add_argument("--program", help="the real program")
    parser.add_argument("--keymend", required=True, help="the built program")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=30, help="how long a run may take")
    parser.add_argument("--out", help="the folder for the recordings on which the two differ")
    parser.add_argument("--all", action="store_true", help="keep every home as a recording")
    parser.add_argument("--dry", action="store_true", help="only draw, and ask keymend")
    options, figures = parser.parse_args(), {}
    if not options.program and not options.dry:
        parser.error("--program is needed, or --dry")
    options.keymend = os.path.abspath(options.keymend)
    number = programs.HERE[options.tool] and (None if options.dry else record.version(programs.HERE[options.tool], options.program))
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runs = range(options.first, options.first + options.count)
        for rec, expect, answer, result, words in pool.map(lambda n: one(options.tool, options.seed, n, options), runs):
            figures[result] = figures.get(result, 0) + 1
            kept = options.out and (options.all or result != "right")
            if kept:
                rec = {**rec, "version": number, "expect": expect}
                recording.write(options.out, {name: value for name, value in rec.items() if value is not None})
            if result != "right":
                print("%-9s %s\n  program %s\n  keymend %s %s %s\n  %s" % (
                    result, rec["id"], {n: v for n, v in expect.items() if n != "path"}, answer[0], answer[1] or "", answer[3],
                    words[-200:].replace("\n", " / ")), flush=True)
    print(", ".join("%d %s" % (count, name) for name, count in sorted(figures.items())))
    sys.exit(1 if figures.get("wrong") else 0)


if __name__ == "__main__":
    main()
