"""The process of one stage, which `supervisor` starts and watches.

`python -m headrace.execution.stage_process STAGE DESCRIPTOR TIME`
"""

import os
import signal
import sys
import time
from typing import NoReturn

from headrace.execution import isolation

INTERRUPTED = 130
"""The exit code of a command that was interrupted, as shells have it."""

INTERRUPTED_GRACE_S = 2.0
"""Seconds that threads and pools have after Ctrl-C: whoever pressed it waits."""


def main(stage: str, descriptor: str, begun: str) -> NoReturn:
    """Run a stage, record how it ended, and exit."""
    entered = time.monotonic()
    for number in (signal.SIGINT, signal.SIGTERM):  # before the first cell there is nothing to keep
        signal.signal(number, lambda *_: os._exit(INTERRUPTED))
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # see cli.main
    from headrace.core import processes, project
    from headrace.errors import HeadraceError
    from headrace.execution import (
        failure_message,
        process_end,
        progress,
        resource_usage,
        stage_runner,
    )
    from headrace.execution.in_process_executor import Interrupted
    from headrace.execution.progress import State

    meter = resource_usage.Meter(float(begun))
    meter.mark("interpreter", entered)
    meter.mark("imports")
    processes.die_with_parent()
    os.set_inheritable(int(descriptor), False)
    state = State(int(descriptor))
    code = 0
    try:
        study = project.find_project()
        stage_runner.run(study, study.stage(stage), state, meter)
    except HeadraceError as error:
        progress.clear()
        show(error)
        code = 1
    except Interrupted as interrupted:
        progress.clear()
        show(interrupted)
        code = INTERRUPTED
    except BaseException as error:
        # A cell may have broken what a message is made with: the supervisor makes it.
        state.fail(failure_message.unexpected(error))
        os._exit(1)
    state.end()
    process_end.end_process(
        code, INTERRUPTED_GRACE_S if code == INTERRUPTED else process_end.GRACE_S
    )


def show(error: BaseException) -> None:
    """Print what went wrong, for the user to mend."""
    print(f"\n{error}\n{_lost_nothing()}", file=sys.stderr)


def _lost_nothing() -> str:
    """Say, where DVC has taken away what the stage made before, how it comes back."""
    if "DVC_STAGE" not in os.environ or isolation.active():
        return ""
    return (
        "DVC took away what this stage had made before, and keeps it in its cache. It comes back\n"
        "with the change undone and dvc repro, or with git checkout . && dvc checkout.\n"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
