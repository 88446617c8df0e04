"""Verify the stages of a study side by side, each in a clean room of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace import cost, lockfile, parameters, processes, processor, yamlfile
from headrace.errors import ProjectError
from headrace.lockfile import File, Record
from headrace.project import Project
from headrace.verify import compare, findings, inside, rooms, world
from headrace.verify.outcome import Outcome, Output
from headrace.verify.rooms import Room, Store

LOG_LINES = 25
"""Lines of a failed stage's printing that are shown."""


@dataclass(frozen=True)
class Job:
    """One stage under way: its room, its process, and what the room held before."""

    stage: str
    room: Room
    slot: int
    process: subprocess.Popen[bytes]
    before: dict[str, tuple[int, int, int]]
    begun: float


class Pipeline:
    """The stages of a checkout, as its dvc.lock has them, and how each is verified.

    `project` is the user's, of which nothing is changed; `tree` is a checkout of it.
    """

    def __init__(self, project: Project, tree: Project, *, jobs: int, tolerance: float) -> None:
        self.project, self.tree, self.tolerance = project, tree, tolerance
        self.records = lockfile.read(tree.root)
        self.store: Store = rooms.store(project)
        self.shares = world.shares(jobs)
        self.jobs = jobs

    @property
    def stages(self) -> list[str]:
        """The stages in the order of dvc.yaml; those of a matrix as dvc.lock has them."""
        ordered = []
        for name in self.tree.stages:
            several = [known for known in self.records if known.startswith(f"{name}@")]
            ordered += several or [name]
        return ordered

    def verify(self, stages: Sequence[str], folder: Path) -> Iterator[Outcome]:
        """Run stages in rooms below a folder, a few at a time; yield what came of each, as it ends.

        The longest go first, so that none of them is left to run alone at the end.
        """
        waiting = sorted(stages, key=self._seconds_before)
        free, running = list(range(self.jobs)), dict[int, Job]()
        with _all_ended(running):
            while waiting or running:
                while waiting and free:
                    started = self._start(waiting.pop(), folder, free[-1])
                    if isinstance(started, Outcome):
                        yield started
                    else:
                        free.remove(started.slot)
                        running[started.process.pid] = started
                for pid in _wait(running):
                    free.append(running[pid].slot)
                    yield self._finish(running.pop(pid))

    def _seconds_before(self, stage: str) -> float:
        path = self.tree.root / cost.FOLDER / f"{_file_name(stage)}.json"
        with suppress(OSError, ValueError, KeyError, TypeError):
            return float(json.loads(path.read_text("utf-8"))["wall_s"])
        return 0.0

    def _start(self, stage: str, folder: Path, slot: int) -> Job | Outcome:
        record = self.records.get(stage)
        if record is None:
            return Outcome(stage, findings=[f"stage {stage} was never run. Next: dvc repro"])
        room_path = folder / _file_name(stage)
        try:
            room = rooms.make(room_path, self.tree.root, record.deps, self.store)
            behind = self._behind(stage, record, room)
        except ProjectError as error:
            return Outcome(stage, len(record.outs), findings=[f"stage {stage}: {error}"])
        if behind:
            return Outcome(stage, len(record.outs), findings=behind)
        for out in record.outs:  # a metric in git must be made anew, not found
            (room.study / out.path).unlink(missing_ok=True)
        before = rooms.snapshot(room.study)
        process = self._enter(stage, record, room, slot)
        return Job(stage, room, slot, process, before, time.monotonic())

    def _behind(self, stage: str, record: Record, room: Room) -> list[str]:
        """Say what a stage was run with and is not so any more: then there is nothing to prove."""
        found = [
            f"{dep.path} is another than stage {stage} was run with. Next: dvc repro"
            for dep in record.deps
            if lockfile.md5(room.study / dep.path) != dep.md5
        ]
        for file, values in record.params.items():
            content = yamlfile.read(self.tree.root / file)
            found += [
                f"{file}: {name} is another than stage {stage} was run with. Next: dvc repro"
                for name, value in values.items()
                if parameters.lookup(content, name) != value
            ]
        return found

    def _enter(self, stage: str, record: Record, room: Room, slot: int) -> subprocess.Popen[bytes]:
        made = world.make(room.home, room.temporary, self.shares[slot], threads=self.threads)
        variables = {
            **made.variables,
            "DVC_STAGE": stage,
            "DVC_ROOT": str(room.study),
            inside.ROOM: str(room.heard),
        }
        spec = {
            "folder": str(room.study),
            "network": str(room.network),
            "cpus": made.cpus,
            "umask": made.umask,
            "variables": variables,
        }
        command = [sys.executable, "-m", "headrace.verify.enter", json.dumps(spec), record.cmd]
        with room.printed.open("wb") as printed:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONPATH": str(self.project.source)},
                start_new_session=True,  # ended by us, not by the terminal
            )

    @property
    def threads(self) -> int:
        """The number of threads that params.yaml asks for."""
        content = yamlfile.read(self.tree.root / parameters.FILE)
        found = parameters.lookup(content, f"{parameters.COMPUTE}.threads")
        return found if isinstance(found, int) else 1

    def _finish(self, job: Job) -> Outcome:
        seconds = time.monotonic() - job.begun
        record, room = self.records[job.stage], job.room
        made_on = cost.recorded_processor(self.tree.root, _file_name(job.stage))
        outcome = Outcome(job.stage, len(record.outs), seconds=seconds, made_on=made_on)
        outcome.network = room.network.read_text("utf-8") if room.network.exists() else "unknown"
        after = rooms.snapshot(room.study)
        written = [name for name, status in after.items() if job.before.get(name) != status]
        if job.process.returncode:
            outcome.log = _tail(room)
            missing = [*findings.missing_inputs(self.project, job.stage, record, room)]
            failed = f"stage {job.stage} failed, with exit code {job.process.returncode}"
            outcome.findings += missing or [failed]
        outcome.findings += findings.undeclared_inputs(
            self.project, job.stage, record, room, written
        )
        outcome.findings += findings.network(job.stage, room)
        outcome.findings += findings.undeclared_outputs(
            job.stage, job.before, after, self._declared(record)
        )
        if not job.process.returncode:
            tolerant = made_on is not None and made_on != processor.kind()
            outcome.outputs += [self._output(out, room, tolerant=tolerant) for out in record.outs]
        outcome.findings = list(dict.fromkeys(outcome.findings))
        return outcome

    def _declared(self, record: Record) -> Any:
        """Return what tells whether a file is an out of the stage, or a metric of no stage's."""
        top = yamlfile.read(self.tree.root / "dvc.yaml").get("metrics") or []
        free = [next(iter(one)) if isinstance(one, dict) else str(one) for one in top]
        known = {*free, *(out.path for out in record.outs)}
        return lambda name: any(
            part.as_posix() in known for part in (Path(name), *Path(name).parents)
        )

    def _output(self, out: File, room: Room, *, tolerant: bool) -> Output:
        made = room.study / out.path
        if not made.exists():
            return Output(out.path, out.md5, identical=False, where="was not written")
        if lockfile.md5(made) == out.md5:
            return Output(out.path, out.md5, identical=True)
        old = self._before(out)
        if old is None:
            where = "differs; what it was is not in DVC's cache. Next: dvc fetch"
            return Output(out.path, out.md5, identical=False, where=where, tolerated=tolerant)
        where = f"differs: {compare.describe(made, old)}" if made.is_file() else "differs"
        if tolerant and out.path.endswith(".json"):
            tolerant = compare.within(made, old, tolerance=self.tolerance)
        return Output(out.path, out.md5, identical=False, where=where, tolerated=tolerant)

    def _before(self, out: File) -> Path | None:
        committed = self.tree.root / out.path
        return committed if committed.is_file() else self.store.find(out)


def _file_name(stage: str) -> str:
    """Return what a stage's files are called: "train", or "backtest-6" for "backtest@6"."""
    return stage.replace("@", "-")


def _tail(room: Room) -> str:
    lines = room.printed.read_text("utf-8", "replace").strip().splitlines()
    return "\n".join(lines[-LOG_LINES:]).replace(f"{room.study}/", "")


def _wait(running: dict[int, Job]) -> set[int]:
    """Wait until one of the processes ends; return the ids of those that have."""
    if not running:
        return set()
    wait = processes.watcher(*running)
    while not (ended := wait(None)):
        pass
    for pid in ended:
        running[pid].process.wait()
    return ended


@contextmanager
def _all_ended(running: dict[int, Job]) -> Iterator[None]:
    """Let no stage outlive the verification, however it ends."""

    def stop(number: int, _frame: Any) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for job in running.values():
            processes.end(job.process.pid)
            job.process.wait()
        for number, handler in before.items():
            signal.signal(number, handler)
