"""Write a study for a table into one that was started blank; what a person edited stays."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from headrace.core import atomic, git
from headrace.core.project import Project
from headrace.errors import HeadraceError, ProjectError
from headrace.report import terminal
from headrace.report.text import counted, plain
from headrace.scaffold import data_file, estimators, plan, read, render, split_check
from headrace.scaffold.new import renew_schema
from headrace.scaffold.plan import Answers, Plan
from headrace.scaffold.task import Task

MANIFEST = ".init.json"
"""What the study was written from, and the hash of each file as it was written."""
PROPOSED = ".headrace/init"
"""Where files are put that were edited, and would be written otherwise; git ignores it."""
QUICK = re.compile(r'^"prepare\.fraction" = [\d.]+', re.MULTILINE)
MAX_SHOWN = 8
SPLITS = {
    "time": "the last quarter, by {time}",
    "group": "a quarter of the groups of {groups}, drawn at random",
    "strata": "a quarter, drawn at random from each class alike",
    "random": "a quarter, drawn at random",
}


@dataclass(frozen=True)
class Changes:
    """What writing a study changes, by the paths of files."""

    written: list[str]
    removed: list[str]
    edited: list[str]
    """Files that a person has edited, and that would become others."""


def run(project: Project, data: str, answers: Answers, *, dry_run: bool = False) -> int:
    """Look at a table, print the plan, and write the study; return 1 where edits stand in the way.

    `data` is the path of a file or a folder, or the address of a file.

    Errors:
        ProjectError: the study was not started blank, or is no git repository.
        DataError: the table cannot be read, or an answer does not fit it.
    """
    before = _manifest(project.root)
    if not git.is_repository(project.root):
        raise ProjectError(f"{project.root} is no git repository. Next: git init -b main")
    source = data_file.fetch(project.root, data) if "://" in data else Path(data)
    made = plan.make(source.name, read.read(source), answers)
    split_check.refuse(made)
    print("\n".join(summary(made)))
    texts = formatted(render.files(made), project.root)
    changes = _changes(project.root, texts, before["files"])
    if changes.edited:
        return _refuse(project.root, texts, changes.edited)
    if dry_run or not _differs(project.root, source, changes):
        _print_changes(changes)
        return 0
    data_file.take_in(project.root, source, before["data"])
    write(project, made, answers, texts)
    _print_changes(changes)
    if changes.written or changes.removed:
        print("Next: make repro test check, then git add . && git commit")
    return 0


def summary(made: Plan) -> Iterator[str]:
    """Yield the lines that say what a study will be."""
    width = len(made.reading.table.columns)
    yield f"{plain(made.file)}: {counted(made.rows, 'row')}, {counted(width, 'column')}"
    for note in made.reading.notes:
        yield from _line("note", note)
    if made.has_model:
        looked = f"; the class looked for is {made.positive!r}" if made.task == Task.BINARY else ""
        yield from _line("predict", f"{plain(made.target)} ({made.task}){looked}")
        yield from _line("from", _features(made))
        split = SPLITS[made.split].format(time=made.time, groups=", ".join(made.groups))
        yield from _line("judged by", split)
        yield from _line("models", f"{estimators.choose(made).prose}, and a naive one")
    else:
        yield from _line("analysis", f"of {_features(made)}; no model")
    for column in made.left_out[:MAX_SHOWN]:
        yield from _line("left out", f"{plain(column.name)}: {plain(column.why)}")
    if len(made.left_out) > MAX_SHOWN:
        yield from _line(
            "left out", f"and {len(made.left_out) - MAX_SHOWN:,} more, see features.py"
        )


def _line(head: str, text: str) -> Iterator[str]:
    return terminal.wrap(text, first=f"  {head:<10} ", indent=" " * 13)


def _features(made: Plan) -> str:
    parts = [
        (made.numbers, "number"),
        (made.categories, "categorical column"),
        (made.times, "date"),
    ]
    return ", ".join(counted(len(names), noun) for names, noun in parts if names) or "no column"


def formatted(texts: Mapping[str, str], root: Path) -> dict[str, str]:
    """Return files as the study's own `make fix` formats them.

    Errors:
        HeadraceError: ruff is missing, or finds what it cannot put right.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy2(root / "pyproject.toml", folder)
        for path, text in texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, "utf-8")
        for words in (("check", "--fix-only", "--quiet"), ("format", "--quiet")):
            command = [sys.executable, "-m", "ruff", *words, "--no-cache", "."]
            result = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, check=False
            )
            if result.returncode:
                raise HeadraceError(f"ruff: {result.stderr.strip()}. Next: make setup")
        return {path: (folder / path).read_text("utf-8") for path in texts}


def write(project: Project, made: Plan, answers: Answers, texts: Mapping[str, str]) -> None:
    """Write a study's files, and the manifest; remove those of the study before."""
    root, before = project.root, _manifest(project.root)
    for out in [out for stage in project.all_stages.values() for out in stage.outs]:
        if made.file != before["data"]:  # what was made of another table
            (root / out.path).unlink(missing_ok=True)
    for path in {*before["files"]} - {*texts}:
        (root / path).unlink(missing_ok=True)
    for path, text in texts.items():
        atomic.write_text(root / path, text)
    settings = (root / "pyproject.toml").read_text("utf-8")
    quick = QUICK.sub(f'"prepare.fraction" = {made.quick_fraction}', settings)
    atomic.write_text(root / "pyproject.toml", quick)
    hashes = {path: _hash(text.encode()) for path, text in sorted(texts.items())}
    content = {"data": made.file, "answers": asdict(answers), "files": hashes}
    atomic.write_text(root / MANIFEST, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    renew_schema(root)


def _manifest(root: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads((root / MANIFEST).read_text("utf-8"))
    except FileNotFoundError:
        raise ProjectError(
            f"This study was not started blank: it has no {MANIFEST}."
            " Next: make another with start=blank, and run headrace init there"
        ) from None
    except ValueError as error:
        step = f"git checkout {MANIFEST}"
        raise ProjectError(f"{MANIFEST} cannot be read: {error}. Next: {step}") from None
    return content


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _changes(root: Path, texts: Mapping[str, str], recorded: Mapping[str, str]) -> Changes:
    written: list[str] = []
    edited: list[str] = []
    for path, text in sorted(texts.items()):
        on_disk = (root / path).read_bytes() if (root / path).is_file() else None
        if on_disk == text.encode():
            continue
        is_own = on_disk is not None and _hash(on_disk) != recorded.get(path)
        (edited if is_own else written).append(path)
    gone = [path for path in sorted({*recorded} - {*texts}) if (root / path).is_file()]
    own = [path for path in gone if _hash((root / path).read_bytes()) != recorded[path]]
    return Changes(written, [path for path in gone if path not in own], edited + own)


def _differs(root: Path, source: Path, changes: Changes) -> bool:
    is_there = source.resolve() == (root / "data/raw" / source.name).resolve()
    return bool(changes.written or changes.removed or not is_there)


def _refuse(root: Path, texts: Mapping[str, str], edited: list[str]) -> int:
    """Put what would be written beside the study, and say which edits stand in the way."""
    for path in edited:
        if path in texts:
            target = root / PROPOSED / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(texts[path], "utf-8")
    print(f"Nothing was written: {counted(len(edited), 'file')} that you edited would change:")
    for path in edited:
        print(f"  {path}" + ("" if path in texts else "  (would be removed)"))
    print(f"What they would be is in {PROPOSED}. Next: take over what you want of it, by hand; or")
    print("git rm what may be written anew, commit, and run headrace init again")
    return 1


def _print_changes(changes: Changes) -> None:
    if not changes.written and not changes.removed:
        print("Nothing to change")
        return
    for verb, paths in (("written", changes.written), ("removed", changes.removed)):
        if paths:
            print(
                "\n".join(terminal.wrap(", ".join(paths), first=f"  {verb:<10} ", indent=" " * 13))
            )
