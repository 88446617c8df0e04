"""Run the stages of a study in parallel, each in a clean room of its own."""

import json
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from headrace.core import processes
from headrace.core.stage import MAIN, Stage, file_name
from headrace.errors import ProjectError
from headrace.execution import resource_usage
from headrace.verify import perturb
from headrace.verify.result import Outcome
from headrace.verify.run_stage import StageRun, VerifiedStudy

Running = dict[int, tuple[int, StageRun]]
"""By process id, the slot (the share of the processors) and the stage."""


class Scheduler:
    """The stages of a checkout's dvc.lock, and the slots to run them in."""

    def __init__(self, study: VerifiedStudy, *, jobs: int) -> None:
        self.study, self.jobs = study, jobs
        self.records = study.tree.records
        self._shares = perturb.shares(jobs)
        self._makers = {out.path: name for name, rec in self.records.items() for out in rec.outs}

    @property
    def stages(self) -> dict[str, Stage]:
        """The stages of dvc.yaml in their order, then those of other files that have been run."""
        stages = self.study.tree.all_stages
        return {name: s for name, s in stages.items() if s.file == MAIN or name in self.records}

    def run(self, stages: Sequence[str], folder: Path) -> Iterator[Outcome]:
        """Run stages in rooms below a folder, `jobs` at a time; yield each outcome as it ends.

        The longest stages start first, so that none runs alone at the end. A stage whose deps are
        neither in git nor in the cache waits for the stages that make them.
        """
        required = {stage: self._required_stages(stage) for stage in stages}
        waiting = sorted(stages, key=self._recorded_seconds, reverse=True)
        free_slots, running = list(range(self.jobs)), Running()
        with _ended_on_exit(running):
            while waiting or running:
                while free_slots and (stage := _next_stage(waiting, required, running)):
                    waiting.remove(stage)
                    started = self._start(stage, folder, free_slots[-1])
                    if isinstance(started, Outcome):
                        yield started
                    else:
                        running[started.process.pid] = (free_slots.pop(), started)
                for pid in _wait(running):
                    slot, stage_run = running.pop(pid)
                    free_slots.append(slot)
                    yield stage_run.finish()

    def _required_stages(self, stage: str) -> set[str]:
        """Return the stages that must run first, since only they can make a missing dep."""
        record, tree = self.records.get(stage), self.study.tree.root
        missing = [dep for dep in record.deps if not (tree / dep.path).exists()] if record else []
        return {
            self._makers[dep.path]
            for dep in missing
            if dep.path in self._makers and self.study.store.find(dep) is None
        }

    def _recorded_seconds(self, stage: str) -> float:
        path = self.study.tree.root / resource_usage.FOLDER / f"{file_name(stage)}.json"
        with suppress(OSError, ValueError, KeyError, TypeError):
            return float(json.loads(path.read_text("utf-8"))["wall_s"])
        return 0.0

    def _start(self, stage: str, folder: Path, slot: int) -> StageRun | Outcome:
        """Start a stage in its room; return an outcome where that is not possible."""
        record = self.records.get(stage)
        if record is None:
            return Outcome(stage, findings=[f"stage {stage} was never run. Next: dvc repro"])
        declared = len(record.outs)
        try:
            stage_run = StageRun(self.study, stage, record, folder)
            changed = [*stage_run.changed_inputs()]
        except ProjectError as error:
            return Outcome(stage, declared, findings=[f"stage {stage}: {error}"])
        if changed:
            return Outcome(stage, declared, findings=changed)
        stage_run.start(self._shares[slot])
        return stage_run


def _next_stage(
    waiting: Sequence[str], required: dict[str, set[str]], running: Running
) -> str | None:
    """Return the first stage whose required stages have ended.

    Where stages wait for each other in a cycle, which DVC never writes into a dvc.lock, the first
    one is returned: its room will lack a dep, and that is reported.
    """
    unfinished = {*waiting, *(stage_run.stage for _, stage_run in running.values())}
    ready = (stage for stage in waiting if not (required[stage] - {stage}) & unfinished)
    return next(ready, None if running else next(iter(waiting), None))


def _wait(running: Running) -> set[int]:
    """Wait until a process ends; return the ids of all that have ended."""
    if not running:
        return set()
    wait = processes.wait_for_any(*running)
    while not (ended := wait(None)):
        pass
    return ended


@contextmanager
def _ended_on_exit(running: Running) -> Iterator[None]:
    """End all running stages when the verification ends, also by a signal."""

    def interrupt(number: int, _frame: Any) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    handlers = {n: signal.signal(n, interrupt) for n in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for pid, (_, stage_run) in running.items():
            processes.end_tree(pid)
            stage_run.process.wait()
        for number, handler in handlers.items():
            signal.signal(number, handler)
