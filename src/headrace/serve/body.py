"""A request's body: all of it, small enough and soon enough."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

MOST_BYTES = 8 << 20
"""Of a request's body."""
BODY_SECONDS = 10.0
"""In which the whole body must have come."""


class Limit(Exception):
    """A body that is not taken: the status to answer with, a reason, and words for it."""

    def __init__(self, status: int, reason: str, says: str) -> None:
        self.status, self.reason, self.says = status, reason, says
        super().__init__(says)


async def whole(receive: Receive, headers: dict[bytes, bytes]) -> bytes:
    """Return the whole body.

    Errors:
        Limit: it is too large, or does not come in time.
    """
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > MOST_BYTES:
        raise Limit(413, "too_large", f"At most {MOST_BYTES:,} bytes are taken")
    try:
        return await asyncio.wait_for(_collect(receive), BODY_SECONDS)
    except TimeoutError:
        raise Limit(408, "body_too_slow", "The body did not come in time") from None


async def _collect(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Limit(400, "gone", "The client went away")
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            raise Limit(413, "too_large", f"At most {MOST_BYTES:,} bytes are taken")
        if not message.get("more_body"):
            return bytes(body)


def again(body: bytes, receive: Receive) -> Receive:
    """Return what gives the application the body that was read already."""
    given = False

    async def next_part() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return next_part
