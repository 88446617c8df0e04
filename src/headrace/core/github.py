"""GitHub, asked through its own `gh`; needs Python alone."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

SECONDS = 60
"""How long one question may take."""


def api(path: str, *words: str, body: str | None = None) -> str:
    """Ask GitHub's API and return what it answers; `body` is a text of any length.

    Errors:
        OSError, subprocess.SubprocessError: there is no `gh`, it was refused, or took too long.
    """
    given = ["-F", "body=@-"] if body is not None else []
    command = ["gh", "api", path, *words, *given]
    pipe = subprocess.PIPE
    done = subprocess.run(command, input=body, stdout=pipe, text=True, check=True, timeout=SECONDS)
    return done.stdout


def parse_pages(said: str) -> Iterator[dict[str, Any]]:
    """Walk what `gh` printed page after page: one list each, or all in one, by its version."""
    place = 0
    while place < len(said.rstrip()):
        found, place = json.JSONDecoder().raw_decode(said, place)
        yield from found
