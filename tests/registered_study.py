"""A study whose model is registered: what DVC and `headrace verify` would leave, made by hand."""

import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from mini_study import PYPROJECT

from headrace.bundle import archive
from headrace.cli import main
from headrace.core import git, lockfile
from headrace.verify.certificate import FOLDER
from lab import bake

BUNDLE = "models/bundle.tar"
M = "metrics/m.json"
GATE = f"metrics:\n  {M}:\n    score: {{better: higher, tolerance: 0.05, at_least: 0.5}}\n"
DVC = {
    "stages": {
        "train": {
            "cmd": "headrace run train",
            "outs": [BUNDLE],
            "metrics": [{M: {"cache": False}}],
        }
    },
    "artifacts": {"model": {"path": BUNDLE, "type": "model"}},
}
ANN, BEN, EVE = (f"{name} <{name.lower()}@example.org>" for name in ("Ann", "Ben", "Eve"))
BEGIN = 1_700_000_000
PARTS = {"schema": "s1", "features": "f1", "data": "d1", "params": "p1"}


@dataclass
class CommandResult:
    """What a command printed, and how it ended."""

    code: int
    text: str


def identity(person: str, time: int | None = None) -> dict[str, str]:
    """Return the variables by which git takes this person for the one who acts."""
    name, _, email = person.rstrip(">").partition(" <")
    variables = {}
    for role in ("AUTHOR", "COMMITTER"):
        variables |= {f"GIT_{role}_NAME": name, f"GIT_{role}_EMAIL": email}
        variables |= {} if time is None else {f"GIT_{role}_DATE": f"{time} +0000"}
    return variables


@dataclass
class Registered:
    """A study under git, whose pipeline makes a bundle."""

    root: Path
    clock: int = BEGIN

    @classmethod
    def make(cls, root: Path, *, prefix: str = "", settings: str = "") -> "Registered":
        """Make one that has nothing trained yet; `prefix` leads to it from the repository's top."""
        study = cls(root / prefix)
        study.write("pyproject.toml", PYPROJECT + settings)
        study.write("dvc.yaml", json.dumps(DVC))
        study.write(".gitignore", "/models\n/.headrace\n/.dvc/cache\n/.dvc/tmp\n")
        study.write(".dvc/config", "[core]\n    analytics = false\n")
        bake.run(root, "git", "init", "--quiet", "--initial-branch=main")
        return study

    def write(self, name: str, text: str) -> None:
        """Write a file of the study."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def train(self, score: float, *, rate: float = 0.1, **parts: str) -> None:
        """Make bundle, metrics and dvc.lock, as the pipeline would; `parts` are the bundle's."""
        path = self.root / BUNDLE
        bundle(path, {"score": score, "rate": rate}, **PARTS | parts)
        self.write(M, json.dumps({"score": score, "rows": 100}))
        self.write("params.yaml", f"seed: 7\ntrain:\n  rate: {rate}\n")
        outs = [out(self.root, name) for name in (BUNDLE, M)]
        lock = {"schema": "2.0", "stages": {"train": {"cmd": "headrace run train", "outs": outs}}}
        self.write("dvc.lock", json.dumps(lock))
        shutil.copy(path, self.cached())

    def cached(self) -> Path:
        """Return the place of the bundle in DVC's cache."""
        md5 = lockfile.md5(self.root / BUNDLE)
        path = self.root / f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def commit(self, message: str = "Train", person: str = ANN) -> str:
        """Commit all there is, and return the hash."""
        self.git("add", "--all", ".", person=person)
        self.git("commit", "--quiet", "--allow-empty", "--message", message, person=person)
        return self.git("rev-parse", "HEAD")

    def certify(self, **changes: object) -> Path:
        """Write what `headrace verify` would of HEAD."""
        tree, lock = git.head_tree(self.root), (self.root / "dvc.lock").read_bytes()
        records = lockfile.parse(lock)
        outputs = [
            {"path": out.path, "md5": out.md5, "identical": True}
            for record in records.values()
            for out in record.outs
        ]
        content = {
            "tree": tree,
            "identical": True,
            "environment": "",
            "of": "HEAD",
            "dvc.lock": hashlib.sha256(lock).hexdigest(),
            "verified": datetime.fromtimestamp(self.clock, UTC).isoformat(timespec="seconds"),
            "stages": [{"name": "train", "identical": True, "outputs": outputs}],
        }
        path = self.root / FOLDER / f"{tree}.json"
        self.write(f"{FOLDER}/{tree}.json", json.dumps(content | changes))
        return path

    def version(self, score: float, *, register: bool = True, **parts: Any) -> str:
        """Train, commit, certify and register; return the commit."""
        self.train(score, **parts)
        commit = self.commit(f"Train to {score}")
        self.certify()
        if register:
            self.do("register")
        return commit

    def promote(self, version: str, *stages: str, person: str = BEN, **variables: str) -> None:
        """Promote a version to stages, one after the other."""
        for stage in stages or ("dev", "staging", "prod"):
            self.do(
                "promote", version, "--to", stage, *yes(f"for {stage}"), person=person, **variables
            )

    def do(self, *words: str, person: str = ANN, **variables: str) -> str:
        """Run `headrace`, which must succeed; return what it printed."""
        result = self.run(*words, person=person, **variables)
        assert result.code == 0, result.text
        return result.text

    def fails(self, *words: str, person: str = ANN, **variables: str) -> str:
        """Run `headrace`, which must refuse, name a next step, and leave the tags as they are."""
        before = self.tags()
        result = self.run(*words, person=person, **variables)
        assert result.code == 1, result.text
        assert "Next: " in result.text
        assert "Traceback" not in result.text
        assert self.tags() == before
        return result.text

    def run(self, *words: str, person: str = ANN, **variables: str) -> CommandResult:
        """Run `headrace` as somebody, in this very process."""
        self.clock += 60
        printed = io.StringIO()
        with self._as(person, **variables), redirect_stdout(printed), redirect_stderr(printed):
            code = main.main(words)
        return CommandResult(code, printed.getvalue())

    @contextmanager
    def _as(self, person: str, **variables: str) -> Iterator[None]:
        folder = Path.cwd()
        env = bake.environment(**identity(person, self.clock) | variables)
        with patch.dict(os.environ, env, clear=True):
            os.chdir(self.root)
            try:
                yield
            finally:
                os.chdir(folder)

    def git(self, *words: str, person: str = ANN) -> str:
        """Run git as somebody and return what it printed."""
        self.clock += 1
        env = bake.environment(**identity(person, self.clock))
        return bake.run(self.root, "git", *words, env=env).stdout.strip()

    def tags(self) -> dict[str, str]:
        """Return all tags, and the hashes of what they are."""
        listed = self.git("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/tags")
        return dict(line.split(" ") for line in listed.splitlines())

    def message(self, tag: str) -> str:
        """Return a tag's message."""
        return self.git("tag", "--list", "--format=%(contents)", tag)

    def evidence(self, tag: str) -> dict[str, Any]:
        """Return a tag's evidence."""
        content: dict[str, Any] = json.loads(self.message(tag).partition("\n\n")[2])
        return content

    def forge(self, tag: str, message: str, commit: str = "HEAD", person: str = EVE) -> None:
        """Make a tag by hand, or make it anew, a minute after the last event."""
        self.clock += 60
        env = bake.environment(**identity(person, self.clock))
        words = ("git", "tag", "-a", "-f", "--cleanup=verbatim", "-m", message, tag, commit)
        bake.run(self.root, *words, env=env)


def yes(reason: str) -> tuple[str, ...]:
    """Return the words of somebody who need not be asked."""
    return ("--yes", "--reason", reason)


def out(root: Path, name: str) -> dict[str, object]:
    """Return a file as dvc.lock records it."""
    path = root / name
    size = path.stat().st_size
    return {"path": name, "hash": "md5", "md5": lockfile.md5(path), "size": size}


def bundle(
    path: Path, content: object, *, schema: str, features: str, data: str, params: str
) -> None:
    """Write a bundle, the same bytes for the same content."""
    manifest = {
        "headrace_bundle": 1,
        "feature_code": features,
        "data": {"data/features.parquet": data},
        "parameters": {"train.rate": params},
        "content": content,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(archive.seal({"schema.json": schema.encode()}, manifest))
