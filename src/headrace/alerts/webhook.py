"""A message to a receiver of JSON. A slow, broken or missing one is reported, and no error."""

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

from headrace.incidents import text
from headrace.incidents.incident import Transition

VARIABLE = "HEADRACE_WEBHOOK"
SECONDS = 5.0
"""How long a receiver may take, from the first byte sent to the last one read."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect, which would carry the message to another host."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def address(settings: Mapping[str, Any]) -> str:
    """Return the receiver's address from the environment or [tool.headrace]; may be empty."""
    return os.environ.get(VARIABLE, "") or str(settings.get("webhook") or "")


def message(study: str, transitions: Sequence[Transition]) -> dict[str, Any]:
    """Return the JSON to send: `text` for a person, and each transition for a program."""
    lines = (text.transition_line(transition) for transition in transitions)
    return {
        "study": study,
        "text": "\n".join(f"{study}: {line}" for line in lines),
        "transitions": [_transition(transition) for transition in transitions],
    }


def _transition(transition: Transition) -> dict[str, Any]:
    incident = transition.incident
    result = incident.batches.get(transition.batch)
    return {
        "incident": incident.id,
        "rule": incident.rule,
        "level": str(incident.level),
        "what": str(transition.kind),
        "batch": transition.batch,
        "figure": incident.figure,
        "value": result.value if result else None,
        "limit": incident.limit,
        "do": incident.do,
        "ways_out": text.next_commands(incident),
    }


def post(url: str, content: Mapping[str, Any], *, seconds: float) -> str:
    """Send JSON, and return the problem in words; empty if it was received.

    A thread sends, and is abandoned after `seconds`: a socket's own time-out never passes while a
    receiver sends a byte now and then. The address is in no message, since it may hold a secret.
    """
    problems: list[str] = []
    # json.dumps escapes everything else, lone surrogates among it.
    body = json.dumps(content).encode("ascii")
    sender = Thread(target=lambda: problems.append(_send(url, body, seconds)), daemon=True)
    sender.start()
    sender.join(seconds)
    return problems[0] if problems else f"it did not answer within {seconds:g} s"


def _send(url: str, body: bytes, seconds: float) -> str:
    try:
        if urlsplit(url).scheme not in ("http", "https"):
            # urllib would read a file as well.
            return "its address does not begin with https:// or http://"
        headers = {"Content-Type": "application/json", "User-Agent": "headrace"}
        request = urllib.request.Request(url, body, headers, method="POST")
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=seconds) as response:
            return "" if 200 <= response.status < 300 else f"it answered {response.status}"
    except urllib.error.HTTPError as error:
        redirect = ", a redirect, which is not followed" if 300 <= error.code < 400 else ""
        return f"it answered {error.code}{redirect}"
    except (OSError, HTTPException, ValueError) as error:
        return _problem(error)


def _problem(error: Exception) -> str:
    # urllib wraps what went wrong; the error's own text may hold the address, which is a secret.
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return "it did not answer in time"
    if isinstance(reason, ssl.SSLError):
        return "its TLS certificate or connection is not valid"
    if isinstance(reason, ConnectionError):
        return "it refused or closed the connection"
    if isinstance(reason, HTTPException):
        return "its answer is not HTTP, or its address is not valid"
    return "it cannot be reached, or its address is not valid"
