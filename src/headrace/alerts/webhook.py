"""A message to a receiver of JSON, who may be slow, broken or gone: that is said, and no fault."""

import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from headrace.incidents import format as wording
from headrace.incidents.incident import Transition

VARIABLE = "HEADRACE_WEBHOOK"
SECONDS = 5.0
"""How long a receiver may take, from the first byte sent to the last one read."""


class _Nowhere(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: one to another host would carry the message to somebody else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def address(settings: Mapping[str, Any]) -> str:
    """Return the receiver's address: of the environment, or of [tool.headrace]; or nothing."""
    return os.environ.get(VARIABLE, "") or str(settings.get("webhook") or "")


def message(study: str, transitions: Sequence[Transition]) -> dict[str, Any]:
    """Return what is sent: `text` for a person, and each transition for a program."""
    return {
        "study": study,
        "text": "\n".join(f"{study}: {wording.line(one)}" for one in transitions),
        "transitions": [_told(one) for one in transitions],
    }


def _told(one: Transition) -> dict[str, Any]:
    incident = one.incident
    seen = incident.batches.get(one.batch)
    return {
        "incident": incident.id,
        "rule": incident.rule,
        "level": str(incident.level),
        "what": str(one.word),
        "batch": one.batch,
        "figure": incident.figure,
        "value": seen.value if seen else None,
        "limit": incident.limit,
        "do": incident.do,
        "ways_out": wording.ways(incident),
    }


def post(url: str, content: Mapping[str, Any], *, seconds: float) -> str:
    """Send JSON, and return what went wrong, in words; nothing where it was taken.

    A thread of its own sends, and is left alone when the time is over: a receiver who sends a byte
    now and then would never let a socket's own time-out pass. No word of the address is returned,
    since addresses of this kind hold a secret.
    """
    said: list[str] = []
    body = json.dumps(content).encode("ascii")
    sender = Thread(target=lambda: said.append(_send(url, body, seconds)), daemon=True)
    sender.start()
    sender.join(seconds)
    return said[0] if said else f"it did not answer within {seconds:g} s"


def _send(url: str, body: bytes, seconds: float) -> str:
    try:
        if urlsplit(url).scheme not in ("http", "https"):
            return "its address does not begin with https:// or http://"
        head = {"Content-Type": "application/json", "User-Agent": "headrace"}
        asked = urllib.request.Request(url, body, head, method="POST")
        with urllib.request.build_opener(_Nowhere).open(asked, timeout=seconds) as answer:
            return "" if 200 <= answer.status < 300 else f"it answered {answer.status}"
    except urllib.error.HTTPError as error:
        moved = ", which leads elsewhere" if 300 <= error.code < 400 else ""
        return f"it answered {error.code}{moved}"
    except (OSError, HTTPException, ValueError) as error:
        return _problem(error)


def _problem(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return "it did not answer in time"
    if isinstance(reason, ssl.SSLError):
        return "its certificate or encryption is not good"
    if isinstance(reason, ConnectionError):
        return "it refused the connection, or broke it"
    if isinstance(reason, HTTPException):
        return "its answer is no HTTP, or its address is none"
    return "it cannot be reached, or its address is none"
