"""Run one stage's command in a clean room, and return the outcome."""

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from headrace.core import lockfile, param_files, yaml
from headrace.core.dvc_cache import Store
from headrace.core.lockfile import File, Record
from headrace.core.project import Project
from headrace.core.stage import file_name
from headrace.execution import isolation, resource_usage
from headrace.verify import clean_room, messages, perturb, result
from headrace.verify.result import Outcome

LOG_LINES = 25
"""The number of lines of a failed stage's log that are shown."""


@dataclass(frozen=True)
class VerifiedStudy:
    """What all stages share: the user's project, a checkout of it, and where its data are.

    `tolerance` is the share of its value by which a metric may differ on another processor.
    """

    project: Project
    tree: Project
    store: Store
    tolerance: float

    @property
    def threads(self) -> int:
        """The number of threads in params.yaml."""
        content = param_files.main_file(self.tree.read)
        threads = yaml.lookup(content, f"{param_files.COMPUTE}.threads")
        return threads if isinstance(threads, int) else 1


class StageRun:
    """A stage in its room: compare its inputs, start it, and read the outcome."""

    def __init__(self, study: VerifiedStudy, stage: str, record: Record, folder: Path) -> None:
        """Create the room.

        Errors:
            ProjectError: a dep is neither in git nor in DVC's cache.
        """
        self.study, self.stage, self.record = study, stage, record
        tree = study.tree.root
        self.room = clean_room.create(folder / file_name(stage), tree, record, study.store)
        # After the room's deps were copied: what differs later is the stage's own doing.
        self._before = clean_room.snapshot(self.room.study)

    def changed_inputs(self) -> Iterator[str]:
        """Yield messages on inputs that changed since the stage ran: there is nothing to verify."""
        for dep in self.record.deps:
            if not self._is_unchanged(dep):
                yield f"{dep.path} {self._has_changed()}"
        for file, values in self.record.params.items():
            content = param_files.parse(self.study.tree.read(file) or b"{}", file)
            for name, value in values.items():
                now = yaml.lookup(content, name)
                if ([*now] if isinstance(now, tuple) else now) != value:
                    yield f"{file}: {name} {self._has_changed()}"

    def _has_changed(self) -> str:
        stage = self.study.tree.all_stages[self.stage]
        problem, step = f"has changed since stage {self.stage} ran", stage.command()
        if stage.is_frozen:
            problem += ", which is frozen, so dvc repro skips it"
            step = f"dvc unfreeze {shlex.quote(stage.target)}, and {step}; or undo the change"
        return f"{problem}. Next: {step}"

    def _is_unchanged(self, dep: File) -> bool:
        """Tell whether a dep is as recorded, or as an earlier stage of this run made it."""
        md5 = lockfile.md5(self.room.study / dep.path)
        output = self.study.store.new_outputs.get(dep.path)
        return md5 == dep.md5 or (output is not None and md5 == lockfile.md5(output))

    def start(self, cpus: tuple[int, ...]) -> None:
        """Start the stage's command in the room, on these processors."""
        room = self.room
        environment = perturb.make(room.home, room.temporary, cpus, threads=self.study.threads)
        path = os.pathsep.join([str(room.programs), environment.variables["PATH"]])
        stage_variables = {
            "PATH": path,
            "DVC_STAGE": self.stage,
            "DVC_ROOT": str(room.study),
            isolation.ROOM: str(room.events),
        }
        specification = {
            "folder": str(room.study / self.record.wdir),
            "network": str(room.network),
            "cpus": environment.cpus,
            "umask": environment.umask,
            "variables": {**environment.variables, **stage_variables},
        }
        entry = [sys.executable, "-m", "headrace.verify.sandbox_entry"]
        self._started = time.monotonic()
        with room.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*entry, json.dumps(specification), self.record.cmd],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # we end it, not the terminal
            )

    def finish(self) -> Outcome:
        """Return the outcome of the stage, which has ended; keep its outputs for later stages."""
        code, room = self.process.wait(), self.room
        tree, store = self.study.tree.root, self.study.store
        made_on = resource_usage.recorded_processor(tree, file_name(self.stage))
        outcome = Outcome(self.stage, len(self.record.outs), made_on=made_on)
        outcome.seconds = time.monotonic() - self._started
        outcome.network = room.network.read_text("utf-8") if room.network.exists() else "unknown"
        outcome.findings += dict.fromkeys(self._findings(code))
        if code:
            outcome.log = self._log_tail()
            return outcome
        tolerance = self.study.tolerance if result.made_elsewhere(tree, self.stage) else None
        outcome.outputs += [
            result.compare(out, room.study / out.path, tree, store, tolerance=tolerance)
            for out in self.record.outs
        ]
        # A wrong output is kept from later stages, which would report its difference as theirs.
        passed = {output.path for output in outcome.outputs if output.passed}
        store.new_outputs.update({path: room.study / path for path in passed})
        return outcome

    def _findings(self, code: int) -> Iterator[str]:
        """Yield messages on a failure, undeclared inputs and outputs, and network access."""
        project, stage, room = self.study.project, self.stage, self.room
        after = clean_room.snapshot(room.study)
        changed = {name for name, status in after.items() if self._before.get(name) != status}
        if code:
            missing = [*messages.missing_inputs(project, stage, room)]
            yield from missing or [f"stage {stage} failed with exit code {code}"]
        yield from messages.undeclared_inputs(project, stage, self.record, room, changed)
        yield from messages.network(stage, room)
        yield from messages.undeclared_outputs(stage, self._before, after, self._declared())

    def _declared(self) -> set[str]:
        """Return what the stage may write: its outs, dvc.yaml's own metrics, the runner's files."""
        pipelines = self.study.tree.pipelines.values()
        metrics = {metric.path for pipeline in pipelines for metric in pipeline.metrics}
        name = file_name(self.stage)
        own = {f"runs/{name}.ipynb", f"{resource_usage.FOLDER}/{name}.json"}
        return metrics | own | {out.path for out in self.record.outs}

    def _log_tail(self) -> str:
        lines = self.room.log.read_text("utf-8", "replace").strip().splitlines()
        return "\n".join(lines[-LOG_LINES:]).replace(f"{self.room.study}/", "")
