"""The end of a server: who is connected is told to go, and nobody loses what was asked."""

import asyncio
import select
import socket
from typing import Any

import uvicorn

LEAVE_SECONDS = 2.0
"""In which the server still takes requests after it was told to stop, each connection's last."""
STEP_SECONDS = 0.02
CLOSE = (b"connection", b"close")


class Server(uvicorn.Server):
    """uvicorn's server, which would close kept connections without a word."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer with `Connection: close` for a while, or until nobody is there; then stop."""
        # The very list that answers take their headers from, those under way too.
        self.server_state.default_headers.append(CLOSE)
        loop = asyncio.get_running_loop()
        end = loop.time() + LEAVE_SECONDS
        while self.server_state.connections and not self.force_exit and loop.time() < end:
            await asyncio.sleep(STEP_SECONDS)
        await super().shutdown(sockets)


def has_sent(transport: Any) -> bool:
    """Return whether something has come on a connection that was not read yet."""
    waiting = select.poll()
    waiting.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(waiting.poll(0))
