"""The command `headrace retrain`: a challenger on a branch, with its report."""

import argparse
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from headrace.bundle import load
from headrace.bundle import load as bundles
from headrace.bundle.load import Bundle
from headrace.compare import markdown, terminal
from headrace.compare.model import Report, Side
from headrace.core import lockfile, yaml
from headrace.core.project import Project
from headrace.errors import HeadraceError, ProjectError
from headrace.gates import model, reader
from headrace.ingest import batch
from headrace.report.terminal import has_colours
from headrace.retrain import branches, champion, compare, proposal, pull_request, split
from headrace.retrain.clone import Copied


def run(found: Project, args: argparse.Namespace) -> int:
    """Train a challenger, compare it with the champion, and propose it on a branch.

    Returns 1 where a pull request was asked for and there is none.

    Errors:
        ProjectError: something is not committed, or there can be no such branch.
        DataError: no batch has enough truth, or it cannot be judged.
        StageError: a stage failed, or the challenger could not be handed over, and is kept.
    """
    branches.refuse_touched(found.root)
    held = champion.of(found)
    picked = split.choose(found, held, args.batch)
    name, branch = picked.name, branches.name(picked.name)
    for note in picked.notes:
        print(note, flush=True)
    branches.refuse_taken(found.root, branch)
    table = batch.read(found.root, name)
    with ExitStack() as kept:
        folder = Path(tempfile.mkdtemp(prefix="headrace-retrain-"))
        kept.callback(shutil.rmtree, folder, ignore_errors=True)
        copied = Copied.of(found.root, folder)
        copied.set_parameters(picked.values)
        copied.repro()
        made = copied.root / bundles.default_path(found).relative_to(found.root)
        sides = Side(held.label, "champion", None), Side(branch, f"challenger, on {name}", None)
        report = _compared(found, copied, table, (held.path, made), sides, name)
        copied.commit(f"Retrain on what came before {name}", str(copied.report))
        try:
            copied.hand_over(branch)
        except HeadraceError:
            kept.pop_all()
            raise
    print(terminal.render(report, colour=has_colours()))
    return _say(found.root, branch, args)


def _compared(
    found: Project,
    copied: Copied,
    table: Any,
    files: tuple[Path, Path],
    sides: tuple[Side, Side],
    name: str,
) -> Report:
    """Compare two bundles on a batch, and write the proposal and the report into the copy."""
    gates = reader.parse((copied.root / model.NAME).read_bytes())
    old, new = (load.load(path) for path in files)
    compared = compare.compare(old, new, table, gates, _prices(found, gates))
    report = compare.report(compared, gates, sides)
    hashes = dict(zip(("champion", "challenger"), map(lockfile.md5, files), strict=True))
    copied.write(proposal.file(name), proposal.text(name, len(table), hashes, compared))
    copied.report = copied.write(f"reports/retrain-{name}.md", _page(report, old, new))
    return report


def _prices(found: Project, gates: model.Gates) -> Mapping[str, float]:
    content = yaml.read(found.root / "params.yaml")
    asked = gates.predictions.prices if gates.predictions else {}
    known = {name: yaml.lookup(content, dotted) for name, dotted in asked.items()}
    lacking = [name for name, value in known.items() if not isinstance(value, int | float)]
    if lacking:
        raise ProjectError(f"params.yaml has no price for {lacking[0]}. Next: see gates.yaml")
    return {name: float(value) for name, value in known.items()}


def _page(report: Report, champion: Bundle, challenger: Bundle) -> str:
    thresholds = [one.facts.get("threshold") for one in (champion, challenger)]
    more = f"Threshold: {thresholds[0]} → {thresholds[1]}\n"
    return f"# Proposal: a retrained model\n\n{markdown.render(report)}\n{more}"


def _say(root: Path, branch: str, args: argparse.Namespace) -> int:
    print(f"\nThe challenger is on branch {branch}. Nothing is promoted: a person decides.")
    problem = ""
    if args.pull_request:
        try:
            print(pull_request.open(root, branch))
        except HeadraceError as error:
            problem = str(error)
    print(
        problem
        or f"Next: git merge {branch}, headrace register, and headrace promote VERSION --to STAGE;"
        f" or git branch -D {branch}"
    )
    return int(bool(problem))
