"""Connections that keep us waiting are cut off: uvicorn bounds neither heads nor their number."""

import asyncio
import socket
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
"""In which a request's head must have come."""
CONNECTIONS = 256
"""At the same time; one more is closed before it is heard."""


class Patient(H11Protocol):
    """uvicorn's protocol, with an end to its patience."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Take up a connection, unless there are too many."""
        super().connection_made(transport)
        # asyncio does so only where a socket says that it is TCP's, and uvicorn's does not. Head
        # and body of an answer are two writes: the second would wait 40 ms for the first's ACK.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
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
        super().connection_lost(exc)

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _watch(self) -> None:
        self._late = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _forget(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        self._late = None
        if not self._answering():
            self.transport.close()
