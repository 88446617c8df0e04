"""Call GitHub's API through its command line, `gh`; needs the standard library only."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

SECONDS = 60
"""Time limit of a call."""


def api(path: str, *words: str, body: str | None = None) -> str:
    """Call GitHub's API and return the response; `body` is a text of any length.

    Errors:
        OSError, subprocess.SubprocessError: `gh` is not installed, failed, or took too long.
    """
    field = ["-F", "body=@-"] if body is not None else []
    command = ["gh", "api", path, *words, *field]
    pipe = subprocess.PIPE
    result = subprocess.run(
        command, input=body, stdout=pipe, text=True, check=True, timeout=SECONDS
    )
    return result.stdout


def parse_pages(text: str) -> Iterator[dict[str, Any]]:
    """Yield the items of all pages that `gh` printed: a list each, or one list, by its version."""
    place = 0
    while place < len(text.rstrip()):
        items, place = json.JSONDecoder().raw_decode(text, place)
        yield from items
