"""The command `headrace retrain`: a challenger on a branch, with its report."""

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace import git, lockfile, parameters, yamlfile
from headrace.bundle import command as bundles
from headrace.bundle import read
from headrace.bundle.read import Bundle
from headrace.diff import gatesfile, markdown, rules, terminal
from headrace.diff.model import Report, Side
from headrace.errors import DataError, HeadraceError, ProjectError
from headrace.live import batch
from headrace.project import Project
from headrace.registry import artifact, fetch, people
from headrace.retrain import compare, proposal, pull
from headrace.retrain.copied import Copied

WINDOW = "window"
"""The door to the parameters by which a challenger is judged on a batch."""
ENOUGH = 0.5
"""Share of a batch's rows whose truth must be known."""


def run(found: Project, args: argparse.Namespace) -> None:
    """Train a challenger, compare it with the champion, and propose it on a branch.

    Errors:
        ProjectError: something is not committed, or the branch is there already.
        DataError: no batch has enough truth, or it cannot be judged.
    """
    name = args.batch or _newest(found.root)
    table, branch = batch.read(found.root, name), f"retrain/{name}"
    _refuse(found.root, branch)
    champion, label = _champion(found)
    values = _values(found, name)
    with tempfile.TemporaryDirectory(prefix="headrace-retrain-") as folder:
        copied = Copied.of(found.root, Path(folder))
        copied.set_parameters(values)
        copied.repro()
        made = copied.root / bundles.default(found).relative_to(found.root)
        sides = Side(label, "champion", None), Side(branch, f"challenger, on {name}", None)
        report = _compared(found, copied, table, (champion, made), sides, name)
        copied.commit(f"Retrain on what came before {name}", str(copied.report))
        copied.hand_over(branch)
    print(terminal.render(report, colour=terminal.colourful()))
    _say(found.root, branch, args)


def _newest(root: Path) -> str:
    """Return the newest batch of which enough truth is known."""
    from headrace.live import command

    label = command.predictions(root).label
    for name in reversed(batch.names(root)):
        table = batch.read(root, name)
        if label in table and table[label].notna().mean() >= ENOUGH:
            return name
    raise DataError(
        "There is no batch of whose rows half the truth is known."
        " Next: headrace ingest FILE, and headrace ingest FILE --truth BATCH"
    )


def _refuse(root: Path, branch: str) -> None:
    """Stop before anything is trained where what comes of it could not be committed."""
    people.author(root, "a proposal")
    if git.is_touched(root):
        raise ProjectError(
            "A challenger starts from the last commit, and something here is not committed."
            " Next: git status, and git commit"
        )
    if git.run(root, "branch", "--list", branch).strip():
        raise ProjectError(
            f"There is a branch {branch} already. Next: look at it, or git branch -D {branch}"
        )


def _champion(found: Project) -> tuple[Path, str]:
    """Return the bundle that is in the last stage, or the working tree's where none is."""
    for name in artifact.listed(found.root):
        try:
            return fetch.bundle(found.root, f"{name}#{artifact.stages(found)[-1]}")
        except ProjectError:
            continue
    path = bundles.default(found)
    return path, f"{path.name} of the last commit"


def _values(found: Project, name: str) -> dict[str, Any]:
    raw, _ = parameters.load(found)
    block = raw.get("retrain")
    values: dict[str, Any] = found.load(WINDOW)(name, block if isinstance(block, dict) else {})
    if all(yamlfile.lookup(raw, dotted) == value for dotted, value in values.items()):
        raise DataError(
            f"The model has learned all that came before {name} already: there is nothing to train."
            " Next: wait for the next batch, or name a later one with --batch"
        )
    return values


def _compared(
    found: Project,
    copied: Copied,
    table: Any,
    files: tuple[Path, Path],
    sides: tuple[Side, Side],
    name: str,
) -> Report:
    """Compare two bundles on a batch, and write the proposal and the report into the copy."""
    gates = gatesfile.parse((copied.root / rules.NAME).read_bytes())
    champion, challenger = (read.load(path) for path in files)
    compared = compare.compare(champion, challenger, table, gates, _prices(found, gates))
    report = compare.report(compared, gates, sides)
    hashes = dict(zip(("champion", "challenger"), map(lockfile.md5, files), strict=True))
    copied.write(proposal.file(name), proposal.text(name, len(table), hashes, compared))
    copied.report = copied.write(f"reports/retrain-{name}.md", _page(report, champion, challenger))
    return report


def _prices(found: Project, gates: rules.Gates) -> Mapping[str, float]:
    content = yamlfile.read(found.root / "params.yaml")
    asked = gates.predictions.prices if gates.predictions else {}
    known = {name: yamlfile.lookup(content, dotted) for name, dotted in asked.items()}
    lacking = [name for name, value in known.items() if not isinstance(value, int | float)]
    if lacking:
        raise ProjectError(f"params.yaml has no price for {lacking[0]}. Next: see gates.yaml")
    return {name: float(value) for name, value in known.items()}


def _page(report: Report, champion: Bundle, challenger: Bundle) -> str:
    thresholds = [one.facts.get("threshold") for one in (champion, challenger)]
    more = f"Threshold: {thresholds[0]} → {thresholds[1]}\n"
    return f"# Proposal: a retrained model\n\n{markdown.render(report)}\n{more}"


def _say(root: Path, branch: str, args: argparse.Namespace) -> None:
    print(f"\nThe challenger is on branch {branch}. Nothing is promoted: a person decides.")
    if args.pull_request:
        try:
            print(pull.open(root, branch))
        except HeadraceError as error:
            print(error)
    print(
        f"Next: git merge {branch}, headrace register, and headrace promote VERSION --to STAGE;"
        f" or git branch -D {branch}"
    )
