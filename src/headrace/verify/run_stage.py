"""One stage's trial: its command in a clean room, and what came of it."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from headrace.core import lockfile, parameters, yaml
from headrace.core.dvc_cache import Store
from headrace.core.lockfile import File, Record
from headrace.core.project import Project, file_name
from headrace.execution import isolation, resource_usage
from headrace.verify import clean_room, messages, outputs, perturb
from headrace.verify.result import Outcome

LOG_LINES = 25
"""Lines of a failed stage's printing that are shown."""


@dataclass(frozen=True)
class Study:
    """What all trials share: the user's project, a checkout of it, and where its data are.

    `tolerance` is how far of its value a metric may move on another kind of processor.
    """

    project: Project
    tree: Project
    store: Store
    tolerance: float

    @property
    def threads(self) -> int:
        """The number of threads that params.yaml asks for."""
        content = yaml.read(self.tree.root / parameters.FILE)
        found = yaml.lookup(content, f"{parameters.COMPUTE}.threads")
        return found if isinstance(found, int) else 1


class Trial:
    """A stage under way in its room, on the processors that it was given."""

    def __init__(self, study: Study, stage: str, record: Record, folder: Path) -> None:
        """Make the room.

        Errors:
            ProjectError: a dep is nowhere to be found.
        """
        self.study, self.stage, self.record = study, stage, record
        self.room = clean_room.make(folder / file_name(stage), study.tree.root, record, study.store)
        self._before = clean_room.snapshot(self.room.study)

    def behind(self) -> list[str]:
        """Say what was another when the stage was run: then there is nothing to prove."""
        found = [
            f"{dep.path} is another than stage {self.stage} was run with. Next: dvc repro"
            for dep in self.record.deps
            if not self._holds(dep)
        ]
        for file, values in self.record.params.items():
            content = yaml.read(self.study.tree.root / file)
            found += [
                f"{file}: {name} is another than stage {self.stage} was run with. Next: dvc repro"
                for name, value in values.items()
                if yaml.lookup(content, name) != value
            ]
        return found

    def _holds(self, dep: File) -> bool:
        """Tell whether the room has a dep as it was, or as the stage before it made it just now."""
        hashed = lockfile.md5(self.room.study / dep.path)
        made = self.study.store.made.get(dep.path)
        return hashed == dep.md5 or (made is not None and hashed == lockfile.md5(made))

    def begin(self, cpus: tuple[int, ...]) -> int:
        """Start the stage's command in the room; return its process's id."""
        room = self.room
        made = perturb.make(room.home, room.temporary, cpus, threads=self.study.threads)
        own = {
            "DVC_STAGE": self.stage,
            "DVC_ROOT": str(room.study),
            isolation.ROOM: str(room.heard),
        }
        spec = {
            "folder": str(room.study),
            "network": str(room.network),
            "cpus": made.cpus,
            "umask": made.umask,
            "variables": {**made.variables, **own},
        }
        module = [sys.executable, "-m", "headrace.verify.sandbox_entry"]
        self._begun = time.monotonic()
        with room.printed.open("wb") as printed:
            self.process = subprocess.Popen(
                [*module, json.dumps(spec), self.record.cmd],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # ended by us, not by the terminal
            )
        return self.process.pid

    def finish(self) -> Outcome:
        """Say what came of the stage, which has ended; remember what it made for others."""
        code, room = self.process.wait(), self.room
        made_on = resource_usage.recorded_processor(self.study.tree.root, file_name(self.stage))
        outcome = Outcome(self.stage, len(self.record.outs), made_on=made_on)
        outcome.seconds = time.monotonic() - self._begun
        outcome.network = room.network.read_text("utf-8") if room.network.exists() else "unknown"
        outcome.findings += dict.fromkeys(self._findings(code))
        if code:
            outcome.log = self._tail()
            return outcome
        tree, store = self.study.tree.root, self.study.store
        held = self.study.tolerance if outputs.made_elsewhere(tree, self.stage) else None
        outcome.outputs += [
            outputs.hold(out, room.study / out.path, tree, store, tolerance=held)
            for out in self.record.outs
        ]
        good = {output.path for output in outcome.outputs if output.identical or output.tolerated}
        store.made.update({path: room.study / path for path in good})
        return outcome

    def _findings(self, code: int) -> list[str]:
        project, stage, room = self.study.project, self.stage, self.room
        after = clean_room.snapshot(room.study)
        written = [name for name, status in after.items() if self._before.get(name) != status]
        found = [*messages.missing_inputs(project, stage, room)] if code else []
        if code and not found:
            found = [f"stage {stage} failed, with exit code {code}"]
        return [
            *found,
            *messages.undeclared_inputs(project, stage, self.record, room, written),
            *messages.network(stage, room),
            *messages.undeclared_outputs(stage, self._before, after, self._declared()),
        ]

    def _declared(self) -> set[str]:
        """Return the stage's outs, and the metrics that dvc.yaml lists as no stage's."""
        top = yaml.read(self.study.tree.root / "dvc.yaml").get("metrics") or []
        free = {next(iter(one)) if isinstance(one, dict) else str(one) for one in top}
        return free | {out.path for out in self.record.outs}

    def _tail(self) -> str:
        lines = self.room.printed.read_text("utf-8", "replace").strip().splitlines()
        return "\n".join(lines[-LOG_LINES:]).replace(f"{self.room.study}/", "")
