"""A git repository with a dvc.lock and a cache, in two states as a pipeline would leave them."""

import hashlib
import json
from pathlib import Path
from typing import Any

from headrace.compare import tables
from headrace.compare.model import TableChange
from headrace.core import dvc_cache
from headrace.core.git import Objects
from headrace.core.states import State


class CachedStudy:
    """A git repository with a dvc.lock and a cache, and two states: its last commit and now."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        (root / ".gitignore").write_text("/.dvc\n/made\n/runs\n")
        self.outs: dict[str, bytes] = {}

    def write_outputs(self, **files: bytes | None) -> None:
        """Store files (their path's / as __, its . as _DOT_) and lock them; None takes one out."""
        for name, content in files.items():
            path = name.replace("__", "/").replace("_DOT_", ".")
            self.outs.pop(path, None)
            if content is not None:
                self.outs[path] = content
                self.cached(content).parent.mkdir(parents=True, exist_ok=True)
                self.cached(content).write_bytes(content)
        entries = [
            {"path": path, "hash": "md5", "md5": md5(content), "size": len(content)}
            for path, content in self.outs.items()
        ]
        lock = {"schema": "2.0", "stages": {"s": {"cmd": "true", "outs": entries}}}
        (self.root / "dvc.lock").write_text(json.dumps(lock))

    def cached(self, content: bytes) -> Path:
        digest = md5(content)
        return self.root / ".dvc/cache/files/md5" / digest[:2] / digest[2:]

    def find(self) -> Any:
        return dvc_cache.store_of(self.root).find

    def states(self, objects: Objects) -> tuple[State, State]:
        return (
            State(self.root, "HEAD", "HEAD", "", objects),
            State(self.root, "the working tree", None, "", objects),
        )

    def tables(self) -> tuple[TableChange, ...]:
        with Objects(self.root) as objects:
            return tables.changes(*self.states(objects), self.find())


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
