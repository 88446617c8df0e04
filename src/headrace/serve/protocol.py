"""Connections that keep us waiting are cut off: uvicorn bounds no head, no reader, no number."""

import asyncio
import socket
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from headrace.serve import graceful_shutdown

HEAD_SECONDS = 10.0
"""In which a request's head must have come."""
READ_SECONDS = 20.0
"""In which an answer must have been read, but for what the system keeps of it."""
UNREAD_BYTES = 1 << 18
"""Of answers that the system keeps for who does not read them; it takes it for twice as much."""
CONNECTIONS = 256
"""At the same time; one more is closed before it is heard."""


class Patient(H11Protocol):
    """uvicorn's protocol, with an end to its patience."""

    _late: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _next_waits = False
    """Whether an answer is complete and not yet read, so that no further request is heard."""

    def connection_made(self, transport: Any) -> None:
        """Take up a connection, unless there are too many."""
        super().connection_made(transport)
        # asyncio does so only where a socket says that it is TCP's, and uvicorn's does not. Head
        # and body of an answer are two writes: the second would wait 40 ms for the first's ACK.
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD_BYTES)
        transport.set_write_buffer_limits(0)  # what is not read at once pauses the writing
        if len(self.connections) > CONNECTIONS:
            transport.close()
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        """Hear a part of a request; once its head is there, the guard minds the time."""
        super().data_received(data)
        if self._answering():
            self._forget()
        elif self._late is None and not self.transport.is_closing():
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let a connection go."""
        self._forget()
        self._is_read()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Give who asked a time to read the answer in."""
        super().pause_writing()
        # Not closed, which would wait for what is not read.
        self._unread = self.loop.call_later(READ_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on when all has been read."""
        self._is_read()
        super().resume_writing()
        if self._next_waits:
            self._next_waits = False
            self.loop.call_soon(super().on_response_complete)

    def on_response_complete(self) -> None:
        """Hear the next request, once this one's answer has been read."""
        self._next_waits = self.flow.write_paused
        if not self._next_waits:
            super().on_response_complete()

    def shutdown(self) -> None:
        """Let go who has nothing to ask; a request that has come is read and answered first."""
        if self._answering() or not graceful_shutdown.has_sent(self.transport):
            super().shutdown()

    def _answering(self) -> bool:
        return self._next_waits or (self.cycle is not None and not self.cycle.response_complete)

    def _watch(self) -> None:
        self._late = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _forget(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _is_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _give_up(self) -> None:
        self._late = None
        if not self._answering():
            self.transport.abort()
