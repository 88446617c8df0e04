"""The server limits bodies, connections and times, whatever a client sends."""

import http.client
import json
import re
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import Server, memory_mib, serve, serve_with_limit


@pytest.fixture(scope="module")
def server(quick: Path) -> Iterator[Server]:
    """A server on the quick study's bundle."""
    with serve(quick) as server:
        yield server


def test_limits_of_size_rows_and_media_type_have_their_status(
    server: Server, input_rows: list[dict[str, Any]]
) -> None:
    large = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n"
    assert server.raw(large, end=False).startswith(b"HTTP/1.1 413")
    status, content = server.request("/predict", [input_rows[0]] * 10_001)
    assert (status, content["detail"][0]["reason"]) == (422, "too_many_rows")
    assert server.request("/predict", input_rows[0], **{"Content-Type": "text/plain"})[0] == 415
    assert server.request("/nowhere")[0] == 404
    assert server.request("/healthz", b"{}")[0] == 405
    status, content = server.request("/predict")
    assert (status, content["detail"][0]["reason"]) == (405, "method_not_allowed")
    assert content["detail"][0]["says"].endswith(
        "Next: POST with rows as JSON; a form for one row is at /"
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[" + b",".join([b"{}"] * 200_000) + b"]", "more"),
        (b"[" * 8_000_000, "row_too_large"),
        (b'["' + b'\\"' * 4_000_000, "json_invalid"),
        (b"[" + b"1," * 4_000_000 + b"1]", "more"),
        (b"{" + b",".join(b'"%d":1' % n for n in range(90_000)) + b"}", "more"),
    ],
    ids=["empty rows", "open lists", "a text without end", "numbers", "strange names"],
)
def test_a_body_of_many_errors_takes_little_memory_and_a_short_response(
    server: Server, body: bytes, reason: str
) -> None:
    before = memory_mib(server.process, "VmHWM")
    status, content = server.request("/predict", body)
    assert (status, content["detail"][-1]["reason"]) == (422, reason)
    assert len(content["detail"]) <= 21
    assert memory_mib(server.process, "VmHWM") < before + 128


def require_no_server_error(server: Server, content: bytes) -> None:
    """Send bytes; whatever comes back is no 5xx, and the server is there afterwards."""
    content = server.raw(content)
    assert not re.match(rb"HTTP/1\.1 5", content), content[:200]


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=400))
def test_any_bytes_as_a_body_cause_no_server_error(server: Server, body: bytes) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    require_no_server_error(
        server, head + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
    )
    assert server.process.poll() is None


@pytest.mark.long
@settings(
    max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=400), st.booleans())
def test_thousands_of_raw_bytes_cause_no_server_error(
    server: Server, content: bytes, has_head: bool
) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(content)
    require_no_server_error(server, head + content if has_head else content)
    assert server.process.poll() is None


def test_a_request_under_way_is_answered_when_the_server_stops(
    quick: Path, input_rows: list[dict[str, Any]]
) -> None:
    body = json.dumps(input_rows[0]).encode()
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
    with serve(quick) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as sock:
            sock.sendall(head + body[:10])
            assert server.request("/healthz")[0] == 200  # so the head has been read
            server.process.terminate()
            sock.sendall(body[10:])
            content = b""
            while part := sock.recv(65_536):
                content += part
        assert content.startswith(b"HTTP/1.1 200")
        assert server.process.wait(60) in (0, -signal.SIGTERM)


def test_a_kept_connection_is_closed_without_losing_a_request_when_the_server_stops(
    quick: Path, input_rows: list[dict[str, Any]]
) -> None:
    body, kind = json.dumps(input_rows[0]), {"Content-Type": "application/json"}
    busy = threading.Barrier(9, timeout=60)

    def keep(_: int) -> list[int]:
        """Ask on one connection until the server says that it closes; return the statuses."""
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        statuses, goes_on = [], True
        while goes_on:
            connection.request("POST", "/predict", body, kind)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
            goes_on = answer.headers.get("Connection") != "close"
            if len(statuses) == 5:
                busy.wait()
        return statuses

    with (
        serve_with_limit("connections.DRAIN_SECONDS = 60", quick) as server,
        ThreadPoolExecutor(8) as clients,
    ):
        idle = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        idle.request("GET", "/healthz")
        assert idle.getresponse().read() == b'{"status": "ok"}'
        answers = clients.map(keep, range(8))
        busy.wait()
        server.process.terminate()
        for statuses in answers:
            assert len(statuses) >= 5
            assert {*statuses} == {200}
        idle.request("GET", "/healthz")
        answer = idle.getresponse()
        assert (answer.status, answer.headers["Connection"]) == (200, "close")
        assert server.process.wait(60) in (0, -signal.SIGTERM)


def test_a_slow_head_is_not_waited_for(quick: Path) -> None:
    with serve_with_limit("connections.HEAD_SECONDS = 0.3", quick) as server:
        assert server.raw(b"GET /healthz HTT", end=False) == b""
        two_requests = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /hea"
        assert server.raw(two_requests, end=False).startswith(b"HTTP/1.1 200")
        assert server.request("/healthz")[0] == 200


def test_a_slow_body_is_not_waited_for(quick: Path) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n1"
    with serve_with_limit("middleware.BODY_SECONDS = 0.3", quick) as server:
        assert server.raw(head, end=False).startswith(b"HTTP/1.1 408")
        assert server.request("/healthz")[0] == 200


def request_health(sock: socket.socket) -> bytes:
    """Ask for health on a connection that is there, and return the whole answer."""
    sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    content = b""
    while not content.endswith(b"}") and (part := sock.recv(65_536)):
        content += part
    return content


OPENAPI_REQUEST = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"


def send_without_reading(sock: socket.socket) -> None:
    """Send more requests than any buffer holds, and read no answer."""
    for _ in range(10_000):
        sock.sendall(OPENAPI_REQUEST * 1_000)


def test_a_client_that_does_not_read_is_disconnected(quick: Path) -> None:
    with serve_with_limit("connections.READ_SECONDS = 0.3", quick) as server:
        address = ("127.0.0.1", server.port)
        with socket.create_connection(address, 60) as sock, pytest.raises(ConnectionError):
            send_without_reading(sock)
        assert server.request("/healthz")[0] == 200


def test_a_slow_reader_gets_all_answers_in_order(server: Server) -> None:
    last = OPENAPI_REQUEST.replace(b"Host", b"Connection: close\r\nHost")
    with socket.socket() as sock:
        sock.settimeout(60)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", server.port))
        sock.sendall(OPENAPI_REQUEST * 299 + last)
        content = b"".join(iter(lambda: sock.recv(4096), b""))
    heads = re.findall(rb"HTTP/1\.1 200 OK\r\n(?:.+\r\n)+\r\n", content)
    assert len(heads) == 300
    lengths = {int(size) for size in re.findall(rb"content-length: (\d+)", content)}
    assert len(lengths) == 1
    assert len(content) == sum(map(len, heads)) + 300 * lengths.pop()


def test_one_connection_too_many_is_closed_and_the_others_are_served(quick: Path) -> None:
    with serve_with_limit("connections.MAX_CONNECTIONS = 3", quick) as server, ExitStack() as stack:
        address = ("127.0.0.1", server.port)
        connections_open = [
            stack.enter_context(socket.create_connection(address, 60)) for _ in range(3)
        ]
        assert all(request_health(sock).startswith(b"HTTP/1.1 200") for sock in connections_open)
        assert server.raw(b"", end=False) == b""
        assert all(request_health(sock).startswith(b"HTTP/1.1 200") for sock in connections_open)


def test_an_answer_that_takes_too_long_is_given_up(
    quick: Path, input_rows: list[dict[str, Any]]
) -> None:
    with serve_with_limit("middleware.ANSWER_SECONDS = 0.001", quick) as server:
        status, content = server.request("/predict", input_rows * 50)
        assert (status, content["detail"][0]["reason"]) == (503, "too_slow")
        assert server.request("/healthz")[0] in (200, 503)
