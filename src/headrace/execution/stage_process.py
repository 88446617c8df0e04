"""The process of one stage, which `supervisor` starts and watches.

`python -m headrace.execution.stage_process STAGE DESCRIPTOR TIME`
"""

import os
import signal
import sys
import time
from typing import TYPE_CHECKING, NoReturn

from headrace.execution import isolation

if TYPE_CHECKING:
    from headrace.execution.progress import StageState
    from headrace.execution.resource_usage import Meter

INTERRUPTED = 130
"""The exit code of a command that was interrupted, as shells have it."""

INTERRUPTED_GRACE_S = 2.0
"""Seconds that threads and pools have after Ctrl-C: whoever pressed it waits."""


def main(stage: str, descriptor: str, begun: str) -> NoReturn:
    """Run a stage in this new interpreter, record how it ended, and exit."""
    entered = time.monotonic()
    exit_when_interrupted()
    from headrace.execution import resource_usage, stage_runner  # noqa: F401  # slow
    from headrace.execution.progress import StageState

    meter = resource_usage.Meter(float(begun))
    meter.mark("interpreter", entered)
    meter.mark("imports")
    os.set_inheritable(int(descriptor), False)
    run(stage, StageState(int(descriptor)), meter)


def exit_when_interrupted() -> None:
    """Exit at a signal: before the first cell there is nothing to keep."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(INTERRUPTED))


def run(stage: str, state: "StageState", meter: "Meter") -> NoReturn:
    """Run a stage, record how it ended, and exit."""
    from headrace.core import processes
    from headrace.execution import process_end

    processes.die_with_parent()
    code = _run(stage, state, meter)
    if code:
        state.end(code)  # its message is printed; success comes after the checks alone
    grace = INTERRUPTED_GRACE_S if code == INTERRUPTED else process_end.GRACE_S
    process_end.end_process(code, grace, state.end)


def _run(stage: str, state: "StageState", meter: "Meter") -> int:
    """Run a stage and print what went wrong; return the exit code."""
    from headrace.core import project
    from headrace.errors import HeadraceError
    from headrace.execution import failure_message, progress, stage_runner
    from headrace.execution.in_process_executor import Interrupted

    try:
        study = project.find_project()
        stage_runner.run(study, study.stage(stage), state, meter)
    except (HeadraceError, Interrupted) as error:
        progress.clear()
        show(error)
        return 1 if isinstance(error, HeadraceError) else INTERRUPTED
    except BaseException as error:
        # A cell may have broken what a message is made with: the supervisor makes it.
        state.fail(failure_message.unexpected(error))
        os._exit(1)
    return 0


def show(error: BaseException) -> None:
    """Print what went wrong, for the user to correct."""
    print(f"\n{error}\n{restore_hint()}", file=sys.stderr)


def restore_hint() -> str:
    """Say, where DVC has taken away what the stage made before, how it comes back."""
    if "DVC_STAGE" not in os.environ or isolation.active():
        return ""
    return (
        "DVC took away what this stage had made before, and keeps it in its cache. It comes back\n"
        "with the change undone and dvc repro, or with git checkout . && dvc checkout.\n"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
