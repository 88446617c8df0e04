"""Run the executed notebooks again, by nbval and in a kernel: what was stored must come out again.

In a copy of the study, with all its data, so that nothing of the working tree is touched.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from headrace.core import dvc_cache, lockfile, parameters, yaml
from headrace.core.project import Project
from headrace.errors import ProjectError
from headrace.execution import blas_env, normalize, supervisor
from headrace.execution.executor import KERNEL
from headrace.verify import clean_room

KEPT = ".headrace/replay"
"""Where the cells that differ are kept, stored and replayed, for nbdime to show."""

PLUGIN = "headrace.replay.plugin"
FOLDER_VARIABLE = "HEADRACE_REPLAY"
SKIP, SKIP_OF_NBVAL = "skip-execution", "nbval-skip"
ADDRESS = f"regex: {normalize.ADDRESS.pattern}\nreplace: 0x…\n"
"""The one thing that may differ: where an object lay in memory."""


def run(project: Project) -> int:
    """Replay the runs that dvc.lock records; return nbval's exit code.

    Errors:
        ProjectError: no notebook has been run, or what one needs is nowhere to be found.
    """
    with clean_room.folder() as folder:
        _, copy = clean_room.checkout(project, folder / "study", worktree=True)
        names = _bring(project, copy)
        if not names:
            raise ProjectError("No notebook has been run yet. Next: dvc repro")
        (folder / "addresses").write_text(ADDRESS, "utf-8")
        words = [*_pytest(), "--nbval-sanitize-with", str(folder / "addresses")]
        kept = project.root / KEPT
        environment = _environment(copy) | {FOLDER_VARIABLE: str(kept)}
        command = [*words, f"--rootdir={copy.root}", *names]
        return subprocess.run(command, cwd=copy.root, env=environment, check=False).returncode


def _bring(project: Project, copy: Project) -> list[str]:
    """Bring all data, and the runs of Python notebooks; return the names of these."""
    kept, names = dvc_cache.store_of(project.root), []
    for record in lockfile.read(copy.root).values():
        for file in (*record.deps, *record.outs):
            if not (copy.root / file.path).exists():
                kept.bring(file, copy.root)
        made = [out.path for out in record.outs if out.path.endswith(".ipynb")]
        names += [_place(copy, run) for run in made if _is_python(copy.root / run)]
    return names


def _is_python(path: Path) -> bool:
    """Tell whether a run is of the kernel that the environment itself is."""
    metadata = json.loads(path.read_text("utf-8"))["metadata"]
    return bool(metadata.get("kernelspec", {}).get("name", KERNEL) == KERNEL)


def _place(copy: Project, run: str) -> str:
    """Put a run where the runner executes it, at the top of the study: nbval runs it in place."""
    content = json.loads((copy.root / run).read_text("utf-8"))
    for cell in content["cells"]:
        tags = cell["metadata"].get("tags", [])
        if SKIP in tags:
            cell["metadata"]["tags"] = [*tags, SKIP_OF_NBVAL]
    (copy.root / Path(run).name).write_text(json.dumps(content), "utf-8")
    return Path(run).name


def _pytest() -> list[str]:
    words = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "-p", "no:cacheprovider"]
    return [*words, "-p", PLUGIN, "--nbval", "--nbval-current-env"]


def _environment(copy: Project) -> dict[str, str]:
    """Return the environment that the runner gives to a stage, for the kernels."""
    block = yaml.lookup(yaml.read(copy.root / parameters.FILE), parameters.COMPUTE)
    variables = blas_env.environment(block if isinstance(block, dict) else {})
    return supervisor.environment(copy, os.environ) | variables
