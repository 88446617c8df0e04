"""What stands before the application: rights, limits of size and time, figures, a request's id."""

import asyncio
import base64
import json
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from headrace.serve import body, origin_check
from headrace.serve.body import Message, Receive
from headrace.serve.prometheus import Figures
from headrace.serve.tokens import Tokens

Scope = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

ANSWER_SECONDS = 30.0
"""In which a request must be answered."""
NEEDED = {"/healthz": None, "/metrics": "metrics", "/reload": "admin"}
"""The scope that a path asks for; None: no token. The others of those below: predict."""
KNOWN = ("/", "/predict", "/healthz", "/readyz", "/version", "/metrics", "/reload", "/openapi.json")

OTHER_HOST = (
    "This server is meant for this machine, and was asked for by another name. Next: http://localhost"
    " or http://127.0.0.1; behind a proxy start it with --tokens, or with --insecure"
)
OTHER_PAGE = (
    "Another web page sent this. Next: ask from a program, or from the page /; a proxy must pass on"
    " the header Host as it came"
)


class Guard:
    """Wraps the application: what it lets through is small, in time, and has the right."""

    def __init__(
        self, inner: Application, figures: Figures, tokens: Tokens | None, *, alone: bool = False
    ) -> None:
        """Wrap an application; `alone`: it is meant for this machine, and has no tokens."""
        self._inner, self._figures, self._tokens = inner, figures, tokens
        self._alone = alone

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        begun, answer = time.perf_counter(), Answer(send)
        path = scope["path"] if scope["path"] in KNOWN else "other"
        try:
            await asyncio.wait_for(self._handle(scope, receive, answer), ANSWER_SECONDS)
        except TimeoutError:
            await answer.refuse(503, "too_slow", "It took too long")
        except Exception:  # whatever it is, the client is answered and nothing of it is told
            await answer.refuse(500, "internal", "Something went wrong here")
            raise
        finally:
            self._figures.requests.labels(path, str(answer.status)).inc()
            self._figures.seconds.labels(path).observe(time.perf_counter() - begun)

    async def _handle(self, scope: Scope, receive: Receive, answer: "Answer") -> None:
        if scope["path"] not in KNOWN:  # as it stands: a router may be less exact than rights are
            await answer.refuse(404, "not_found", "Nothing is here")
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        says = self._strange(scope, headers)
        if says:
            self._figures.denied.inc()
            await answer.refuse(403, "foreign", says)
            return
        if not self._allowed(scope, headers):
            self._figures.denied.inc()
            kind = b'Basic realm="Headrace"' if scope["path"] == "/" else b"Bearer"
            says = "A token with the right for this is needed"
            await answer.refuse(401, "no_right", says, (b"www-authenticate", kind))
            return
        try:
            content = await body.whole(receive, headers)
        except body.Limit as limit:
            self._figures.refused([limit.reason])
            await answer.refuse(limit.status, limit.reason, limit.says)
            return
        scope["headrace.request"] = answer.request
        await self._inner(scope, body.again(content, receive), answer)

    def _strange(self, scope: Scope, headers: dict[bytes, bytes]) -> str:
        """Return why a browser should not have sent this; nothing where that cannot be told.

        A bearer's token is sent by no browser of itself, but a password is.
        """
        if NEEDED.get(scope["path"], "predict") is None:
            return ""
        if self._alone and not origin_check.is_this_machine(
            headers.get(b"host", b"").decode("latin-1")
        ):
            return OTHER_HOST
        bearer = headers.get(b"authorization", b"").lower().startswith(b"bearer ")
        asks = scope["method"] not in ("GET", "HEAD") and (self._tokens is None or not bearer)
        return OTHER_PAGE if asks and origin_check.is_foreign(headers) else ""

    def _allowed(self, scope: Scope, headers: dict[bytes, bytes]) -> bool:
        needed = NEEDED.get(scope["path"], "predict")
        if scope["path"] == "/reload" and not origin_check.is_here(scope, headers):
            return False
        if needed is None or self._tokens is None:
            return True
        given = _given(headers.get(b"authorization", b""), people=scope["path"] == "/")
        return needed in self._tokens.scopes(given)


def _given(header: bytes, *, people: bool) -> str:
    """Return the token of a request; on the page for people, also as a password that they typed."""
    kind, _, given = header.decode("latin-1").partition(" ")
    if kind.lower() == "bearer":
        return given.strip()
    if kind.lower() != "basic" or not people:
        return ""
    try:
        return base64.b64decode(given, validate=True).decode("utf-8").partition(":")[2]
    except ValueError:
        return ""


class Answer:
    """Sends an answer, and knows its status; what goes out bears the request's id."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.request = uuid.uuid4().hex

    async def __call__(self, message: Message) -> None:
        """Send a part of the application's answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            named = [(b"x-request-id", self.request.encode())]
            message["headers"] = [*message.get("headers", []), *named]
        await self._send(message)

    async def refuse(self, status: int, reason: str, says: str, *more: tuple[bytes, bytes]) -> None:
        """Answer in our own words, unless an answer has begun already."""
        if self.status:
            return
        said = json.dumps({"detail": [{"field": "", "reason": reason, "says": says}]}).encode()
        head = [(b"content-type", b"application/json"), (b"connection", b"close")]
        head += [(b"content-length", str(len(said)).encode()), *more]
        await self({"type": "http.response.start", "status": status, "headers": head})
        await self({"type": "http.response.body", "body": said})
