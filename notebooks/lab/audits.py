"""Part of `make bench`: the audit of a thousand versions, from a bare clone."""

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headrace.registry import events
from lab import bake, histories, turns
from lab.histories import BEGIN, DAY, STUDY, Step

BAR, LONGER = 5.0, 3.5
"""Seconds for 1,000 versions; 3,000 at most so many times that."""
OUTS, STAGES = 27, 4
METRICS = "metrics/evaluate.json"
BUNDLE = "models/bundle.tar"
WHO = {"name": "A", "email": "a@example.org"}


def registry(root: Path, count: int) -> Path:
    """Make a bare repository of so many versions, every one promoted, every fifth to the end."""
    root = histories.make(
        root, (Step(_files(number), f"Train {number}") for number in range(count))
    )
    log = ("git", "log", "--reverse", "--format=%H %T")
    commits = [line.split(" ") for line in bake.run(root, *log).stdout.splitlines()]
    stream = b"".join(_tags(commits))
    subprocess.run(["git", "fast-import", "--quiet"], cwd=root, input=stream, check=True)
    bare = root.with_suffix(".git")
    bake.run(root, "git", "clone", "--quiet", "--bare", str(root), str(bare))
    return bare


def _files(number: int) -> dict[str, str | bytes | None]:
    files: dict[str, str | bytes | None] = {
        **(STUDY if not number else {}),
        "dvc.yaml": json.dumps({"stages": {"evaluate": {"metrics": [METRICS]}}}),
        "params.yaml": f"seed: {number}\ntrain: # of the model\n  rate: 0.{number + 1}\n",
        "gates.yaml": "approvals: {signed: false}\n",
        METRICS: _metrics(number),
    }
    return files | {"dvc.lock": _lock(number)}


def _metrics(number: int) -> str:
    return json.dumps({"model": {"roc_auc": 0.65 + number % 97 / 1000, "rows": number}}, indent=2)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _outs(number: int) -> dict[str, str]:
    """Return the outs of a version and their MD5s: bundle, metrics, and what a study has growth."""
    plots = {f"plots/{place}.csv": _md5(f"{place} {number}") for place in range(OUTS - 2)}
    return {BUNDLE: _md5(f"bundle {number}"), METRICS: _md5(_metrics(number)), **plots}


def _lock(number: int) -> str:
    """Write a dvc.lock as DVC does, of as many lines as the flights study has."""
    outs, lines = [*_outs(number).items()], ["schema: '2.0'", "stages:"]
    for stage in range(STAGES):
        lines += [f"  stage{stage}:", f"    cmd: headrace run stage{stage}", "    deps:"]
        deps = [(f"src/study/{place}.py", _md5(str(place))) for place in range(10)]
        lines += [line for path, md5 in deps for line in _file(path, md5)]
        lines += ["    params:", "      params.yaml:", f"        seed: {number}", "    outs:"]
        lines += [line for path, md5 in outs[stage::STAGES] for line in _file(path, md5)]
    return "\n".join(lines) + "\n"


def _file(path: str, md5: str) -> list[str]:
    text = f"'{md5}'" if md5.replace("e", "").isdigit() else md5
    return [f"    - path: {path}", "      hash: md5", f"      md5: {text}", "      size: 1"]


def _tags(commits: list[list[str]]) -> Iterator[bytes]:
    """Walk the tags, each with the hash of the one before."""
    previous, counter, time = None, 0, BEGIN + len(commits) * DAY
    champions: dict[str, str] = {}
    registered: dict[str, Any] = {}
    for number, (commit, tree) in enumerate(commits):
        version = f"v1.{number}.0"
        evidence = _evidence(number, commit, tree)
        stages = ("dev", "staging", "prod") if number % 5 == 0 else ("dev",)
        for stage in ("", *stages):
            time += 60
            counter += bool(stage)
            tag = f"model#{stage}#{counter}" if stage else f"model@{version}"
            content = {**evidence, "artifact": "model", "version": version, "previous": previous}
            if stage:
                content |= _promoted(stage, champions, registered)
                champions[stage] = version
            else:
                content |= {"action": "register", "parameters": _parameters(number), "parts": {}}
            text, hashed = _tag(tag, commit, time, events.format_message(f"Do {tag}", content))
            previous = {"tag": tag, "object": hashed}
            registered = registered if stage else previous
            yield text


def _promoted(stage: str, champions: dict[str, str], registered: dict[str, Any]) -> dict[str, Any]:
    before = champions.get(stage)
    return {
        "action": "promote",
        "stage": stage,
        "stages": ["dev", "staging", "prod"],
        "registered": registered,
        "champion": {"version": before} if before else None,
        "comparison": {"metrics": [], "gates": [], "notes": []},
        "override": None,
        "reason": "it is better",
    }


def _parameters(number: int) -> dict[str, Any]:
    return {"seed": number, "train": {"rate": float(f"0.{number + 1}")}}


def _evidence(number: int, commit: str, tree: str) -> dict[str, Any]:
    lock = hashlib.sha256(_lock(number).encode()).hexdigest()
    outs = _outs(number)
    outputs = [{"path": path, "md5": md5, "identical": True} for path, md5 in outs.items()]
    stages = [{"name": f"stage{s}", "outputs": outputs[s::STAGES]} for s in range(STAGES)]
    proof = {"tree": tree, "identical": True, "environment": "", "dvc.lock": lock, "stages": stages}
    return {
        "commit": commit,
        "tree": tree,
        "dvc.lock": lock,
        "bundle": {"path": BUNDLE, "md5": outs[BUNDLE], "sha256": "", "size": 1},
        "certificate": proof,
        "metrics": {METRICS: {"model.roc_auc": 0.65 + number % 97 / 1000, "model.rows": number}},
        "author": WHO,
        "by": WHO,
    }


def _tag(name: str, commit: str, time: int, message: bytes) -> tuple[bytes, str]:
    """Return a tag for `git fast-import`, and the hash that git will give it."""
    tagger = f"A <a@example.org> {time} +0000"
    head = f"object {commit}\ntype commit\ntag {name}\ntagger {tagger}\n\n".encode()
    content = b"tag %d\0" % (len(head) + len(message)) + head + message
    text = f"tag {name}\nfrom {commit}\ntagger {tagger}\n".encode()
    hashed = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    return text + b"data %d\n%s\n" % (len(message), message), hashed


def main() -> None:
    """Measure and print; end the program where a bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        short, longer = (registry(Path(folder) / str(n), n) for n in (1_000, 3_000))
        page = ("headrace", "audit", "--html", str(Path(folder) / "audit.html"))
        ways = {
            "short": turns.command(short, ("headrace", "audit")),
            "longer": turns.command(longer, ("headrace", "audit")),
            "page": turns.command(short, page),
        }
        seconds = turns.medians(ways)
        size = (Path(folder) / "audit.html").stat().st_size / 2**20
    growth = seconds["longer"] / seconds["short"]
    print(f"\nAn audit from a bare clone, medians of {turns.RUNS} in turn\n")
    print(f"headrace audit, 1,000 versions    {seconds['short']:>8.2f} s, bar {BAR:.0f}")
    print(f"headrace audit, 3,000 versions    {seconds['longer']:>8.2f} s, {growth:.2f} x")
    print(f"as a page, 1,000 versions         {seconds['page']:>8.2f} s, {size:.1f} MiB")
    if seconds["short"] > BAR or growth > LONGER:
        sys.exit(f"Missed: {BAR:.0f} s, and at most {LONGER} times that for 3,000 versions")


if __name__ == "__main__":
    main()
