"""What every request passes before the application: rights, limits on size and time, metrics.

Starlette limits neither the size nor the time of a body, its TrustedHostMiddleware allows names but
no ranges of addresses, and its router also matches a path with a final line break.
"""

import asyncio
import json
import time
import uuid

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headrace.serve import access
from headrace.serve.prometheus import ServerMetrics
from headrace.serve.tokens import Tokens

REQUIRED_SCOPE = {
    "/": "predict",
    "/predict": "predict",
    "/healthz": None,
    "/readyz": "predict",
    "/version": "predict",
    "/metrics": "metrics",
    "/reload": "admin",
    "/openapi.json": "predict",
}
"""The paths there are, and the scope that a token needs for each; None: no token."""
MAX_BODY_BYTES = 8 << 20
BODY_SECONDS = 10.0
"""For the whole body of a request."""
ANSWER_SECONDS = 30.0
"""For the whole answer to a request, reading its body included."""

HOST_NOT_ALLOWED = (
    "Host header not allowed: without tokens this server answers this machine alone."
    " Next: http://localhost or http://127.0.0.1; behind a proxy start it with --tokens, or with"
    " --insecure"
)
CROSS_SITE = (
    "Cross-site request not allowed. Next: send it from a program, or from the page /; a proxy must"
    " pass on the header Host unchanged"
)


class Refusal(Exception):
    """A request that is not answered: status, reason, explanation, and headers of the response."""

    def __init__(self, status: int, reason: str, says: str, **headers: str) -> None:
        self.status, self.reason, self.says, self.headers = status, reason, says, headers
        super().__init__(says)

    def response(self) -> Response:
        """Return the response, which also closes the connection."""
        detail = [{"field": "", "reason": self.reason, "says": self.says}]
        headers = {"connection": "close"}
        headers |= {name.replace("_", "-"): value for name, value in self.headers.items()}
        content = json.dumps({"detail": detail})
        return Response(content, self.status, headers, media_type="application/json")


class Guard:
    """The middleware; the application finds body and id of a request in `request.state`."""

    def __init__(
        self, app: ASGIApp, metrics: ServerMetrics, tokens: Tokens | None, *, local: bool = False
    ) -> None:
        """Wrap an application; `local`: only this machine may ask, and needs no token."""
        self._app, self._metrics, self._tokens, self._local = app, metrics, tokens, local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request, started = Request(scope, receive), time.perf_counter()
        sender = Sender(send)
        try:
            await asyncio.wait_for(self._handle(request, sender), ANSWER_SECONDS)
        except Refusal as refusal:
            self._count(refusal)
            await sender.refuse(request, refusal)
        except TimeoutError:
            await sender.refuse(request, Refusal(503, "too_slow", "The answer took too long"))
        except Exception:  # the client is answered, and learns nothing of the fault
            await sender.refuse(request, Refusal(500, "internal", "Internal server error"))
            raise
        finally:
            path = scope["path"] if scope["path"] in REQUIRED_SCOPE else "other"
            self._metrics.requests.labels(path, str(sender.status)).inc()
            self._metrics.seconds.labels(path).observe(time.perf_counter() - started)

    async def _handle(self, request: Request, sender: "Sender") -> None:
        self._authorize(request)
        request.state.id, request.state.body = sender.id, await read_body(request)
        await self._app(request.scope, request.receive, sender)

    def _authorize(self, request: Request) -> None:
        """Refuse what is not exactly a path of ours, or comes without the right to it."""
        path = request.scope["path"]
        if path not in REQUIRED_SCOPE:
            raise Refusal(404, "not_found", "Not found")
        scope = REQUIRED_SCOPE[path]
        if scope is not None:  # health tells nothing, and who probes it may use any name
            self._check_browser(request)
        if path == "/reload" and not access.is_local_client(request):
            raise _no_right(path)
        if scope is None or self._tokens is None:
            return
        if scope not in self._tokens.scopes(access.read_token(request, basic=path == "/")):
            raise _no_right(path)

    def _check_browser(self, request: Request) -> None:
        """Refuse what another web page may have made a browser send.

        No browser sends a bearer token of its own accord, but it does send a password.
        """
        if self._local and not access.is_local_host(request.headers.get("host", "")):
            raise Refusal(403, "foreign", HOST_NOT_ALLOWED)
        bearer = request.headers.get("authorization", "").lower().startswith("bearer ")
        safe = request.method in ("GET", "HEAD") or (bearer and self._tokens is not None)
        if not safe and access.is_cross_site(request):
            raise Refusal(403, "foreign", CROSS_SITE)

    def _count(self, refusal: Refusal) -> None:
        if refusal.status in (401, 403):
            self._metrics.denied.inc()
        elif refusal.status != 404:
            self._metrics.count_refused([refusal.reason])


def _no_right(path: str) -> Refusal:
    scheme = 'Basic realm="Headrace"' if path == "/" else "Bearer"
    says = "The token is missing, or lacks the required scope"
    return Refusal(401, "no_right", says, www_authenticate=scheme)


async def read_body(request: Request) -> bytes:
    """Return the whole body.

    Errors:
        Refusal: it is too large, does not come in time, or the client has disconnected.
    """
    too_large = Refusal(413, "too_large", f"A body has at most {MAX_BODY_BYTES:,} bytes")
    # What a client announces is refused unread; what it does not announce, as soon as it is there.
    if int(request.headers.get("content-length", "0")) > MAX_BODY_BYTES:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise too_large
    except TimeoutError:
        raise Refusal(408, "body_too_slow", "The body did not come in time") from None
    except ClientDisconnect:
        raise Refusal(400, "gone", "The client has disconnected") from None
    return bytes(body)


class Sender:
    """Sends a response with the request's id among its headers, and remembers its status."""

    def __init__(self, send: Send) -> None:
        self._send, self.status, self.id = send, 0, uuid.uuid4().hex

    async def __call__(self, message: Message) -> None:
        """Send a part of a response."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message).append("x-request-id", self.id)
        await self._send(message)

    async def refuse(self, request: Request, refusal: Refusal) -> None:
        """Send a refusal, unless another response has begun."""
        if not self.status:
            await refusal.response()(request.scope, request.receive, self)
