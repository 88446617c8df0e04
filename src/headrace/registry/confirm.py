"""Ask a person, where one is there."""

import sys
from collections.abc import Callable

from headrace.errors import HeadraceError


def consent(question: str, *, yes: bool, reason: str | None) -> str:
    """Return the reason for which a person agrees, asked for or given on the command line.

    Errors:
        HeadraceError: the person says no, gives no reason, or nobody is there to be asked.
    """
    there = sys.stdin.isatty()
    if not there and not (yes and reason):
        raise HeadraceError("Nobody can be asked here. Next: --yes --reason TEXT")
    if not yes and _answer(f"{question} [y/N] ").lower() not in ("y", "yes"):
        raise HeadraceError("Nothing was done. Next: answer y to go on")
    given = reason if reason is not None else _answer("Reason: ")
    if not given.strip():
        raise HeadraceError("Without a reason nothing was done. Next: --reason TEXT")
    return given.strip()


def _answer(prompt: str, ask: Callable[[str], str] = input) -> str:
    try:
        return ask(prompt).strip()
    except EOFError:
        print()
        return ""
