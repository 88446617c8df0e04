"""Keeps what the server writes down in order, beside the answers: no request waits for it."""

import argparse
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.bundle.model_service import Champion
from headrace.core.suggest import nearest
from headrace.errors import HeadraceError
from headrace.prediction_log.journal import Journal, Kept

DAYS = 90
"""For which what was answered is kept, where nobody says."""
MOST_DAYS = 3650
LOOK_SECONDS = 60.0
"""After which it is looked whether an hour is over, or a table too old."""
END_SECONDS = 20.0
"""In which the last tables are waited for; a journal that is left keeps all rows."""


def sparing(load: Callable[[], Champion], args: argparse.Namespace) -> Callable[[], Champion]:
    """Return `load` that refuses a bundle without an input that is never to be written down.

    Errors:
        HeadraceError: answers cannot be kept for so many days.
    """
    if args.log_days is not None and not 1 <= args.log_days <= MOST_DAYS:
        raise HeadraceError(
            f"Answers cannot be kept for {args.log_days} days. Next: --log-days with 1 to"
            f" {MOST_DAYS:,}, or --no-log, which keeps none"
        )

    def loaded() -> Champion:
        champion = load()
        for name in args.log_never if args.log else ():
            if name not in champion.schema["properties"]:
                raise HeadraceError(_unknown(name, champion))
        return champion

    return loaded


def _unknown(name: str, champion: Champion) -> str:
    return (
        f"{name!r} is never to be written down, and is no input of {champion.label}."
        f"{nearest(name, champion.schema['properties'])} Next: mend serve.log_never in params.yaml,"
        " or --log-never"
    )


@contextmanager
def keeping(args: argparse.Namespace) -> Iterator[Journal | None]:
    """Yield what answers are written to, nothing where they are not kept; in the end, make tables.

    Errors:
        HeadraceError: the folder cannot be made.
    """
    if not args.log:
        yield None
        return
    try:
        days = DAYS if args.log_days is None else args.log_days
        journal = Journal(Kept(Path(args.log), days, frozenset(args.log_never)))
    except OSError as error:
        raise HeadraceError(
            f"{args.log} cannot hold what is answered: {error.strerror}."
            " Next: --log FOLDER with a folder that can be written, or --no-log"
        ) from None
    over = threading.Event()
    thread = threading.Thread(target=_tend, args=(journal, over), daemon=True)
    thread.start()
    try:
        yield journal
    finally:
        over.set()
        journal.ended.set()
        thread.join(END_SECONDS)
        journal.close()


def _tend(journal: Journal, over: threading.Event) -> None:
    """Rotate at the start, when a journal has ended, and when its hour is over."""
    while not over.is_set():
        tend(journal)
        journal.ended.wait(LOOK_SECONDS)
        journal.ended.clear()


def tend(journal: Journal) -> None:
    """Look once whether something is to be done, and have it done; nothing is raised."""
    try:
        if journal.turn():
            journal.tell(rotated(journal.kept))
    except Exception as error:  # it is said, and tried again
        journal.tell([f"What was answered cannot be kept in order: {error}"])


def rotated(kept: Kept) -> list[str]:
    """Rotate in a process of its own, which may take its time; return what went wrong."""
    command = [sys.executable, "-P", "-m", "headrace.prediction_log.rotation"]
    done = subprocess.run(
        [*command, str(kept.folder), str(kept.days)],
        start_new_session=True,  # what stops the server does not cut off a table
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout.splitlines()
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        said.append(f"No tables were made of what was answered ({last}). Next: see the memory left")
    return said
