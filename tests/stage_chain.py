"""A project of several stages under DVC, each with a notebook of its own, one after another."""

import shutil
from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Self

import psutil
from mini_study import Mini, cell, notebook
from notebook_corpus import Cell

from lab import bake

SERVER = "headrace.execution.preload"
IGNORED = "/runs/failed\n/runs/.partial\n/.headrace\n/metrics\n/started\n"


class Chain(Mini):
    """A project of several stages under DVC, each with a notebook of its own, one after another."""

    def stages(
        self,
        *sources: str | Sequence[Cell],
        params: Mapping[str, str] | None = None,
        chained: bool = True,
    ) -> None:
        """Give it stages `s0`, `s1` … of one cell or more; each reads what the last one wrote."""
        entries = []
        for index, source in enumerate(sources):
            name = f"s{index}"
            before = [f"runs/s{index - 1}.ipynb"] if index and chained else []
            deps = [f"notebooks/{name}.ipynb", *before]
            extra = (params or {}).get(name, "")
            lines = [f"  {name}:", f"    cmd: headrace run {name}", "    deps:"]
            lines += [f"      - {dep}" for dep in deps]
            lines += ["    params:", "      - seed", *([f"      - {extra}"] if extra else [])]
            entries += [*lines, "    outs:", f"      - runs/{name}.ipynb"]
            listed = [source] if isinstance(source, str) else source
            pairs = [("", entry) if isinstance(entry, str) else entry for entry in listed]
            cells = [cell(text, *tags.split()) for tags, text in pairs]
            defaults = cell("seed = 0  # seed", "parameters")
            self.write(f"notebooks/{name}.ipynb", notebook(defaults, *cells))
        self.write("dvc.yaml", "\n".join(["stages:", *entries]) + "\n")
        self.write(".gitignore", IGNORED)
        if not (self.root / ".dvc").exists():
            bake.run(self.root, "git", "init", "--quiet")
            bake.run(self.root, "dvc", "init", "--quiet")

    def copied_to(self, root: Path) -> Self:
        """Copy the project as it is into another folder, and return that one."""
        shutil.copytree(self.root, root)
        copied = copy(self)
        copied.root = root
        return copied

    def repro(self, *words: str, preload: str = "debug", code: int = 0, **variables: str) -> str:
        """Run `dvc repro`, and return what it printed."""
        environment = bake.environment(HEADRACE_PRELOAD=preload, **variables)
        result = bake.run(self.root, "dvc", "repro", *words, check=False, env=environment)
        assert result.returncode == code, result.stdout
        return result.stdout

    def bytes(self) -> dict[str, bytes]:
        """Return dvc.lock, the runs and, where a stage failed, the failed runs."""
        names = [Path("dvc.lock"), *(self.root / "runs").rglob("*.ipynb")]
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in (self.root / name for name in names)
            if path.is_file()
        }


def servers(root: Path) -> list[psutil.Process]:
    """Return the servers of a project, and nobody else's."""
    found = []
    for process in psutil.process_iter():
        try:
            if SERVER in process.cmdline() and Path(process.cwd()) == root:
                found.append(process)
        except psutil.Error:
            continue
    return found
