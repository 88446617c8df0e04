"""The command `headrace live`: the months after the model was handed over, in fast motion."""

import argparse
import tempfile
from pathlib import Path

from headrace.core import artifact, atomic
from headrace.core.project import Project
from headrace.errors import HeadraceError
from headrace.ingest import command as live
from headrace.play import month
from headrace.play.month import Told
from headrace.play.server import serving
from headrace.play.study import Study
from headrace.retrain.clone import Copied

PLAYED = "played"
"""The door to the names of the batches that are played."""


def run(project: Project, args: argparse.Namespace) -> None:
    """Play the months on a copy of the last commit: requests, truth, monitor, decisions, audit.

    Errors:
        HeadraceError: a command failed, or a request did; the copy is kept to be looked at.
    """
    into = args.into or Path(tempfile.mkdtemp(prefix="headrace-live-"))
    if args.into and into.exists():
        raise HeadraceError(f"{into} is there already. Next: name a folder that is not")
    into.mkdir(exist_ok=True)
    names = project.load(PLAYED)
    study = Study(Copied.of(project.root, into).root, project)
    print(f"The play lies in {study.root}", flush=True)
    study.ask_for_approval()
    study.run("dvc", "repro")
    study.commit("Ask for another person's approval")
    print(f"  {month.publish(study, 'scripted: the first model')[0]}", flush=True)
    with serving(study, f"{next(iter(artifact.artifacts(study.root)))}#prod") as port:
        played = _months(project, study, port, names)
    _end(study, played)


def _months(project: Project, study: Study, port: int, names: list[str]) -> list[Told]:
    spec, arrivals = live.predictions(study.root), project.load(live.ARRIVALS)
    inputs = [*live.schema(project)["properties"]]
    played: list[Told] = []
    waits: Path | None = None
    renew = False
    for name in names:
        print(f"\n{name}", flush=True)
        told = Told(name)
        table = arrivals(name)
        known = month.send(port, table, inputs, told, renew=renew)
        _say(told, f"{told.rows:,} rows in {told.requests} requests, none failed")
        _say(told, f"answered by {', then '.join(told.models)}")
        study.run("headrace", "ingest", "data/served", "--batch", name)
        renew = _judge(study, told, waits, played[-1].batch if played else "")
        waits = month.truth(study, name, table, known, spec)
        played.append(told)
    last = Told("afterwards")
    print("\nafterwards", flush=True)
    if _judge(study, last, waits, names[-1]):  # a last time, so that it is seen to take over
        month.send(port, arrivals(names[-1]), inputs, last, renew=True)
        _say(last, f"answered by {', then '.join(last.models)}")
    return [*played, last]


def _judge(study: Study, told: Told, waits: Path | None, before: str) -> bool:
    """Let last month's truth come in, watch, and decide; tell whether another model took over."""
    if waits is not None:
        study.run("headrace", "ingest", str(waits), "--truth", before)
        _say(told, f"the truth of {before} is known")
    for line in month.watch(study, told.batch):
        _say(told, line)
    incidents = month.asks_for_training(study)
    if not incidents or not before:
        return False
    lines = month.retrain(study, incidents, before)
    for line in lines:
        _say(told, line)
    return "is in prod" in lines[-1]


def _say(told: Told, line: str) -> None:
    told.lines.append(line)
    print(f"  {line}", flush=True)


def _end(study: Study, played: list[Told]) -> None:
    page = study.root / "runs/html/audit.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    audit = study.run("headrace", "audit", good=(0, 1))
    study.run("headrace", "audit", "--html", str(page))
    atomic.write_text(study.root / "runs/html/play.txt", _text(played))
    requests = sum(one.requests for one in played)
    print(f"\n{audit}\n{requests:,} requests, none failed. The year on one screen: {page}")


def _text(played: list[Told]) -> str:
    return "".join(f"{one.batch}\n" + "".join(f"  {x}\n" for x in one.lines) for one in played)
