"""A real server on a study's bundle, in a process of its own."""

import http.client
import json
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab import bake

BUNDLE = "models/bundle.tar"


Answer = tuple[int, Any]


class Server:
    """A real server in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.port = process, port

    def ask(self, path: str, body: Any = None, *, token: str = "", **headers: str) -> Answer:
        """Ask once, on a connection of its own; JSON goes in and comes out."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent_headers = (
            {"Content-Type": "application/json", **headers} if body is not None else headers
        )
        sent_headers |= {"Authorization": f"Bearer {token}"} if token else {}
        try:
            connection.request("POST" if body is not None else "GET", path, sent, sent_headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        kind = answer.headers.get("content-type", "")
        return answer.status, json.loads(text) if "json" in kind else text.decode()

    def raw(self, content: bytes, *, whole: bool = True) -> bytes:
        """Send bytes as they are, all there is or not; return what comes back until the end."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as sock:
            sock.sendall(content)
            if whole:
                sock.shutdown(socket.SHUT_WR)
            parts = []
            while part := sock.recv(65_536):
                parts.append(part)
        return b"".join(parts)


@contextmanager
def started(command: list[str], folder: Path, env: dict[str, str]) -> Iterator[Server]:
    """Start a server on a free port, and stop it."""
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen([*command, "--port", "0"], cwd=folder, env=env, **pipe) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            address = re.search(r"answers on http://(?:[\w.]+|\[[\w:]+\]):(\d+)$", line.strip())
            assert address, line + process.stdout.read()
            yield Server(process, int(address[1]))
        finally:
            process.terminate()
            process.wait(60)


@contextmanager
def serving(study: Path, *words: str, log: bool = False) -> Iterator[Server]:
    """Serve a study's bundle; without `log` nothing is written down, whatever the study says."""
    more = () if log or "--log" in words else ("--no-log",)
    with started(["headrace", "serve", *words, *more], study, bake.environment()) as running:
        yield running
