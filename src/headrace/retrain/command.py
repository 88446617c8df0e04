"""The command `headrace retrain`: a challenger on a branch, with its report."""

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pandas as pd

from headrace.bundle import load
from headrace.compare import markdown, terminal
from headrace.compare.model import Report, Side
from headrace.core import lockfile, param_files
from headrace.core.project import Project
from headrace.errors import HeadraceError, ProjectError
from headrace.gates import model, reader
from headrace.ingest.batch import read as read_batch
from headrace.report.terminal import has_colours
from headrace.report.text import number
from headrace.retrain import champion, compare, split
from headrace.retrain.branch import branch_name, open_pull_request, require_clean, require_free
from headrace.retrain.champion import ChampionBundle
from headrace.retrain.clone import Clone


def run(project: Project, *, batch: str = "", pull_request: bool = False) -> int:
    """Train a challenger, compare it with the champion, and propose it on a branch.

    Returns 1 where a pull request was asked for and could not be opened.

    Errors:
        ProjectError: something is not committed, or the branch cannot be created.
        DataError: no batch has enough labels, or the models cannot be compared on it.
        StageError: a stage failed, or the challenger could not be fetched, and is kept.
    """
    root = project.root
    # All that can be refused is refused here: to train a challenger may take hours.
    require_clean(root)
    current = champion.find_champion(project)
    chosen = split.choose_split(project, current, batch)
    branch = branch_name(chosen.batch)
    for note in chosen.notes:
        print(note, flush=True)
    require_free(root, branch)
    with ExitStack() as cleanup:
        folder = Path(tempfile.mkdtemp(prefix="headrace-retrain-"))
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        clone = Clone.create(root, folder)
        clone.set_parameters(chosen.values)
        clone.repro()
        report, file = _compare(project, clone, current, chosen.batch)
        clone.commit(f"Retrain on what came before {chosen.batch}", file)
        try:
            clone.push(branch)
        except HeadraceError:
            cleanup.pop_all()  # keeps the folder
            raise
    print(terminal.render(report, colour=has_colours()))
    print(f"\nThe challenger is on branch {branch}. Nothing is promoted: a person decides.")
    return _propose(root, branch, pull_request=pull_request)


def _compare(
    project: Project, clone: Clone, current: ChampionBundle, name: str
) -> tuple[Report, str]:
    """Compare both bundles on a batch; write proposal and report, and return the report's file."""
    challenger = clone.root / load.default_path(project).relative_to(project.root)
    paths = {"champion": current.path, "challenger": challenger}
    old, new = (load.load(path) for path in paths.values())
    table: pd.DataFrame = read_batch(project.root, name)
    gates = reader.parse((clone.root / model.NAME).read_bytes())
    metrics = compare.compare(old, new, table, gates, _prices(project, gates))
    title = f"challenger, on {name}"
    sides = Side(current.label, "champion", None), Side(branch_name(name), title, None)
    report = compare.report(metrics, gates, sides)
    hashes = {side: lockfile.md5(path) for side, path in paths.items()}
    proposal = compare.proposal(name, len(table), hashes, metrics)
    clone.write(compare.proposal_file(name), proposal)
    thresholds = " → ".join(number(bundle.facts.get("threshold")) for bundle in (old, new))
    text = f"# Proposal: a retrained model\n\n{markdown.render(report)}\nThreshold: {thresholds}\n"
    return report, clone.write(f"reports/retrain-{name}.md", text)


def _prices(project: Project, gates: model.Gates) -> Mapping[str, float]:
    content = param_files.main_file(project.read)
    if gates.predictions is None:
        return {}
    prices = gates.predictions.price_values(content)
    for name in gates.predictions.prices:
        if name not in prices:
            raise ProjectError(f"params.yaml has no price for {name}. Next: see gates.yaml")
    return prices


def _propose(root: Path, branch: str, *, pull_request: bool) -> int:
    """Open a pull request where it is asked for, and print the next step; 1 where that failed."""
    if pull_request:
        try:
            print(open_pull_request(root, branch))
        except HeadraceError as error:
            print(error)
            return 1
    # git merges dvc.lock alone: without a checkout the files here are those of the old model.
    print(
        f"Next: git merge {branch}, dvc checkout, make verify, headrace register, and headrace"
        f" promote VERSION --to STAGE; or git branch -D {branch}"
    )
    return 0
