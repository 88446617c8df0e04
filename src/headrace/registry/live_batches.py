"""The live batches, a row each: their figures, their lights, their incidents, and who answered.

Read from git's objects at HEAD, so that a bare clone tells the same.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from headrace.core.git import Objects
from headrace.errors import DataError, ProjectError
from headrace.gates import reader
from headrace.gates.live import Figures, Rule, State, evaluate, finite_values, lights
from headrace.gates.model import NAME
from headrace.registry import active_version, live_batch
from headrace.registry.active_version import FILE, Reign
from headrace.registry.incidents import Account, studies
from headrace.registry.live_batch import Live
from headrace.registry.tag_reader import Event


def read(
    root: Path,
    objects: Objects,
    prefix: str | None,
    events: Mapping[str, Sequence[Event]],
    accounts: Sequence[Account],
) -> Iterator[Live]:
    """Walk the studies that have live batches; of one whose figures are broken it is said so.

    `events` are the registry's by artifact, `accounts` the incidents.
    """
    for study in studies(root, prefix):
        content = objects.read(f"HEAD:{study}{FILE}")
        if content is None:
            continue
        mine = [one for one in accounts if one.study == study]
        try:
            if figures := _figures(content):
                yield _live(
                    objects, study, active_version.of(root, objects, study, events), figures, mine
                )
        except DataError as error:
            yield Live(study, "", "", (), (), (str(error),))


def _figures(content: bytes) -> dict[str, dict[str, float]]:
    """Return each batch's numbers by their dotted names; what is no number is left out."""
    try:
        said: dict[str, Any] = json.loads(content.decode("utf-8"))
        return {name: finite_values(known) for name, known in sorted(said.items())}
    except (ValueError, AttributeError, RecursionError, OverflowError):
        problem = f"{FILE} of this commit holds no figures by batch"
        raise DataError(f"{problem}. Next: dvc repro monitor, and commit it") from None


def _live(
    objects: Objects, study: str, held: Reign, figures: Figures, accounts: Sequence[Account]
) -> Live:
    rules, problems = _rules(objects.read(f"HEAD:{study}{NAME}") or b"")
    verdicts = evaluate(rules, figures)
    lit = lights(verdicts)
    checks = tuple(dict.fromkeys(check for row in lit.values() for check in row))
    made = tuple(
        live_batch.of(
            name,
            held.versions.get(name, ""),
            figures[name],
            [one for one in verdicts if one.batch == name and one.state is State.FIRES],
            lit.get(name, {}),
            [one for one in accounts if one.was_open_in(name)],
        )
        for name in figures
    )
    return Live(study, held.stage, held.judge, checks, made, problems)


def _rules(content: bytes) -> tuple[tuple[Rule, ...], tuple[str, ...]]:
    """Return the live rules, and what is wrong with them."""
    try:
        return (reader.parse(content).live if content.strip() else ()), ()
    except ProjectError as error:
        return (), (f"No rule is judged: {error}",)
