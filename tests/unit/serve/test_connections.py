"""Connections: what is idle, and which limit is longer than which."""

import socket
from types import SimpleNamespace

from headrace.serve import command, connections, middleware


def test_a_connection_with_unread_data_is_not_idle() -> None:
    near, far = socket.socketpair()
    with near, far:
        transport = SimpleNamespace(get_extra_info=lambda name: {"socket": near}[name])
        assert not connections.has_unread_data(transport)
        far.sendall(b"G")
        assert connections.has_unread_data(transport)


def test_the_grace_period_is_longer_than_any_answer() -> None:
    assert command.GRACE_SECONDS > middleware.ANSWER_SECONDS > connections.READ_SECONDS
