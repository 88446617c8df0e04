"""Verify the stages of a study side by side, each in a clean room of its own."""

import json
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from headrace.core import lockfile, processes
from headrace.core.project import file_name
from headrace.errors import ProjectError
from headrace.execution import resource_usage
from headrace.verify import perturb
from headrace.verify.result import Outcome
from headrace.verify.run_stage import Study, Trial


class Pipeline:
    """The stages of a checkout, as its dvc.lock has them."""

    def __init__(self, study: Study, *, jobs: int) -> None:
        self.study, self.jobs = study, jobs
        self.records = lockfile.read(study.tree.root)
        self._shares = perturb.shares(jobs)
        self._makers = {out.path: name for name, one in self.records.items() for out in one.outs}

    @property
    def stages(self) -> list[str]:
        """The stages in the order of dvc.yaml; those of a matrix as dvc.lock has them."""
        ordered = []
        for name in self.study.tree.stages:
            several = [known for known in self.records if known.startswith(f"{name}@")]
            ordered += several or [name]
        return ordered

    def verify(self, stages: Sequence[str], folder: Path) -> Iterator[Outcome]:
        """Run stages in rooms below a folder, a few at a time; yield what came of each, as it ends.

        The longest go first, so that none of them is left to run alone at the end. One whose deps
        nobody has waits for the stages that make them.
        """
        waits_for = {stage: self._makers_needed(stage) for stage in stages}
        waiting = sorted(stages, key=self._seconds_before, reverse=True)
        free, running = list(range(self.jobs)), dict[int, tuple[int, Trial]]()
        with _all_ended(running):
            while waiting or running:
                while free and (stage := _next(waiting, waits_for, running)):
                    waiting.remove(stage)
                    begun = self._begin(stage, folder, free[-1])
                    if isinstance(begun, Outcome):
                        yield begun
                    else:
                        running[begun.process.pid] = (free.pop(), begun)
                for pid in _wait(running):
                    slot, trial = running.pop(pid)
                    free.append(slot)
                    yield trial.finish()

    def _makers_needed(self, stage: str) -> set[str]:
        """Return the stages that must run first, since nobody else has what they make."""
        record, store = self.records.get(stage), self.study.store
        if record is None:
            return set()
        here = self.study.tree.root
        missing = [dep for dep in record.deps if not (here / dep.path).exists()]
        return {
            self._makers[dep.path]
            for dep in missing
            if dep.path in self._makers and store.find(dep) is None
        }

    def _seconds_before(self, stage: str) -> float:
        path = self.study.tree.root / resource_usage.FOLDER / f"{file_name(stage)}.json"
        with suppress(OSError, ValueError, KeyError, TypeError):
            return float(json.loads(path.read_text("utf-8"))["wall_s"])
        return 0.0

    def _begin(self, stage: str, folder: Path, slot: int) -> Trial | Outcome:
        record = self.records.get(stage)
        if record is None:
            return Outcome(stage, findings=[f"stage {stage} was never run. Next: dvc repro"])
        if "wdir" in self.study.tree.stages.get(stage.partition("@")[0], {}):
            word = "has a wdir, which a clean room does not know. Next: write its paths without"
            return Outcome(stage, len(record.outs), findings=[f"stage {stage} {word}"])
        try:
            trial = Trial(self.study, stage, record, folder)
            behind = trial.behind()
        except ProjectError as error:
            return Outcome(stage, len(record.outs), findings=[f"stage {stage}: {error}"])
        if behind:
            return Outcome(stage, len(record.outs), findings=behind)
        trial.begin(self._shares[slot])
        return trial


def _next(
    waiting: Sequence[str], waits_for: dict[str, set[str]], running: dict[int, tuple[int, Trial]]
) -> str | None:
    """Return the first stage that waits for none of those that are still to end.

    Where nothing runs and all wait for each other, which only a dvc.lock that DVC did not write can
    say, the first one goes: its room will lack something, and that is told.
    """
    open_ones = {*waiting, *(trial.stage for _, trial in running.values())}
    ready = (stage for stage in waiting if not (waits_for[stage] - {stage}) & open_ones)
    return next(ready, None if running else next(iter(waiting), None))


def _wait(running: dict[int, tuple[int, Trial]]) -> set[int]:
    """Wait until one of the processes ends; return the ids of those that have."""
    if not running:
        return set()
    wait = processes.watcher(*running)
    while not (ended := wait(None)):
        pass
    return ended


@contextmanager
def _all_ended(running: dict[int, tuple[int, Trial]]) -> Iterator[None]:
    """Let no stage outlive the verification, however it ends."""

    def stop(number: int, _frame: Any) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for pid, (_, trial) in running.items():
            processes.end(pid)
            trial.process.wait()
        for number, handler in before.items():
            signal.signal(number, handler)
