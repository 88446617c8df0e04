"""One month: its rows as requests, the truth of the month before, the monitor, who decides."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from headrace.bundle import golden
from headrace.core import git
from headrace.errors import HeadraceError
from headrace.gates.model import Predictions
from headrace.incidents import store
from headrace.play.server import Asker
from headrace.play.study import APPROVER, Study

ROWS = 250
"""Of one request."""
REASON = "scripted: the figures of {batch} say so"


@dataclass
class Told:
    """What happened in a month."""

    batch: str
    rows: int = 0
    requests: int = 0
    models: list[str] = field(default_factory=list)
    """Which versions answered, in order."""
    lines: list[str] = field(default_factory=list)


def send(
    port: int, table: pd.DataFrame, inputs: Sequence[str], told: Told, *, renew: bool
) -> pd.DataFrame:
    """Send rows to the server on a port, and return by which request and number each is known.

    With `renew` the server loads its source again in the middle; meanwhile each row is a request.
    """
    asked = golden.records(table[[*inputs]])
    asker, known, taken = Asker(port), list[tuple[str, int]](), None
    with ThreadPoolExecutor(1) as beside:
        while len(known) < len(asked):
            if renew and taken is None and len(known) >= len(asked) // 2:
                taken = beside.submit(Asker(port).ask, "/reload", {})
            busy = taken is not None and not taken.done()
            said = asker.ask("/predict", asked[len(known) :][: 1 if busy else ROWS])
            known += [(said["request"], row) for row in range(len(said["predictions"]))]
            told.models += [said["model"]] if said["model"] not in told.models else []
            told.requests += 1
        if taken is not None:
            taken.result()
    told.rows = len(asked)
    return pd.DataFrame(known, columns=["request", "row"], index=table.index)


def truth(
    study: Study, batch: str, table: pd.DataFrame, known: pd.DataFrame, spec: Predictions
) -> Path:
    """Write down what turned out for a month's rows, to come in a month later."""
    names = [*dict.fromkeys([*spec.key, spec.label])]
    path = study.root / ".headrace" / f"truth-{batch}.parquet"
    path.parent.mkdir(exist_ok=True)
    joined = known.join(table[names])
    joined.to_parquet(path, index=False)
    return path


def watch(study: Study, batch: str) -> list[str]:
    """Run the monitor and commit what it found; return what it said of incidents."""
    study.run("dvc", "repro", "monitor")
    study.commit(f"Watch {batch}")
    said = study.run("headrace", "monitor", "--quiet")
    study.commit(f"Note what the monitor says of {batch}")
    return [line for line in said.splitlines() if line.startswith(("act: ", "notice: "))]


def asks_for_training(study: Study) -> list[str]:
    """Return the open incidents whose rule says to retrain, and on which nobody has decided."""
    return [
        one.id
        for one in store.read(study.root).values()
        if one.is_open and one.decision is None and "retrain" in one.do.lower()
    ]


def retrain(study: Study, incidents: Sequence[str], batch: str) -> list[str]:
    """Decide, train a challenger, and have another person promote it if it keeps the gates."""
    if study.knows(batch):
        return [f"nothing new to learn before {batch}: the decision waits for the next month"]
    for one in incidents:
        reason = REASON.format(batch=batch)
        study.run("headrace", "alert", "decide", one, "retrain", "--reason", reason, by=APPROVER)
    study.run("headrace", "retrain", "--batch", batch)
    proposal = json.loads(_shown(study, f"retrain/{batch}", f"reports/retrain-{batch}.json"))
    figures = {one["name"]: one for one in proposal["metrics"]}
    _merge(study, f"retrain/{batch}")
    lines = [f"a challenger learned what came before {batch}: {_change(figures)}"]
    return [*lines, *publish(study, REASON.format(batch=batch))]


def _change(figures: dict[str, dict[str, float]]) -> str:
    cost = next((one for name, one in figures.items() if name.endswith("cost_per_1000")), None)
    if cost is None:
        return "no cost is known"
    return f"${cost['old']:,.0f} → ${cost['new']:,.0f} per 1,000 on the same rows"


def _shown(study: Study, branch: str, file: str) -> str:
    return git.run(study.root, "show", f"{branch}:./{file}")


def _merge(study: Study, branch: str) -> None:
    git.run(study.root, "merge", "--quiet", "--ff-only", branch)
    study.run("dvc", "checkout", "--quiet", "--force")


def publish(study: Study, reason: str) -> list[str]:
    """Verify, register, and have another person promote the model through all stages."""
    study.run("headrace", "verify")
    version = study.run("headrace", "register").split(":")[0].split()[-1]
    for stage in ("dev", "staging", "prod"):
        words = ("promote", version, "--to", stage, "--yes", "--reason", reason)
        try:
            study.run("headrace", *words, by=APPROVER)
        except HeadraceError as error:
            return [f"{version} is not promoted to {stage}: {_why(str(error))}"]
    return [f"{version} is in prod, approved by {APPROVER[0].partition(',')[0]}"]


def _why(said: str) -> str:
    return next((line for line in said.splitlines() if "Not promoted" in line), said)
