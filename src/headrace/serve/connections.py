"""uvicorn's connections, with limits: on the time of a head, on unread answers, on their number.

uvicorn's `timeout_keep_alive` ends a connection between two requests alone, and `limit_concurrency`
answers only after a whole head; neither ends a slow head, a slow reader or an idle connection.
"""

import asyncio
import select
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
"""For the whole head of a request."""
READ_SECONDS = 20.0
"""For a client to read an answer, except what fits into the socket's buffer."""
SEND_BUFFER_BYTES = 1 << 18
"""Of unread answers that the system holds per connection; Linux doubles it."""
MAX_CONNECTIONS = 256
"""At the same time; another one is closed at once."""
DRAIN_SECONDS = 2.0
"""After the signal to stop: each connection may still send one request, its last."""
POLL_SECONDS = 0.02
CLOSE = (b"connection", b"close")


class Server(uvicorn.Server):
    """uvicorn's server, which tells kept connections that it closes them."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer with `Connection: close` until all have gone or time is up; then stop."""
        # Responses under way refer to this very list, so it is extended in place.
        self.server_state.default_headers.append(CLOSE)
        loop = asyncio.get_running_loop()
        end = loop.time() + DRAIN_SECONDS
        while self.server_state.connections and not self.force_exit and loop.time() < end:
            await asyncio.sleep(POLL_SECONDS)
        await super().shutdown(sockets)


class LimitedProtocol(H11Protocol):
    """uvicorn's HTTP protocol with limits on what a client may keep waiting."""

    _completion_pending = False
    """Whether a response is complete but unread, so that the next request has to wait."""

    def connection_made(self, transport: Any) -> None:
        """Accept a connection, unless there are too many."""
        self._timers: dict[str, asyncio.TimerHandle] = {}
        super().connection_made(transport)
        # asyncio sets TCP_NODELAY only on sockets whose protocol is given as TCP, and uvicorn's is
        # not. Without it the body, a second write, would wait 40 ms for the ACK of the head.
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        transport.set_write_buffer_limits(0)  # the first unread byte calls pause_writing
        if len(self.connections) > MAX_CONNECTIONS:
            transport.close()
        else:
            self._start("head", HEAD_SECONDS, self._abort_slow_head)

    def data_received(self, data: bytes) -> None:
        """Parse a part of a request; after its head, the middleware limits the time."""
        super().data_received(data)
        if self._is_responding():
            self._stop("head")
        elif "head" not in self._timers and not self.transport.is_closing():
            self._start("head", HEAD_SECONDS, self._abort_slow_head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        self._stop("head")
        self._stop("read")
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Limit the time for the client to read the response."""
        super().pause_writing()
        # abort(), since close() would wait until the buffer is read.
        self._start("read", READ_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on after the client has read everything."""
        self._stop("read")
        super().resume_writing()
        if self._completion_pending:
            self._completion_pending = False
            self.loop.call_soon(super().on_response_complete)

    def on_response_complete(self) -> None:
        """Go on to the next request, as soon as this response has been read."""
        self._completion_pending = self.flow.write_paused
        if not self._completion_pending:
            super().on_response_complete()

    def shutdown(self) -> None:
        """Close an idle connection; a request that has arrived is answered first."""
        if self._is_responding() or not has_unread_data(self.transport):
            super().shutdown()

    def _is_responding(self) -> bool:
        running = self.cycle is not None and not self.cycle.response_complete
        return self._completion_pending or running

    def _start(self, timer: str, seconds: float, action: Callable[[], None]) -> None:
        self._timers[timer] = self.loop.call_later(seconds, action)

    def _stop(self, timer: str) -> None:
        if timer in self._timers:
            self._timers.pop(timer).cancel()

    def _abort_slow_head(self) -> None:
        self._stop("head")
        if not self._is_responding():
            self.transport.abort()


def has_unread_data(transport: Any) -> bool:
    """Return whether bytes have arrived on a connection that were not read yet."""
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(poll.poll(0))
