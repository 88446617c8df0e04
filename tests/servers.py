"""A real server on a study's bundle, in a process of its own."""

import http.client
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import forked
import pandas as pd
from prometheus_client.parser import text_string_to_metric_families

from lab import bake

BUNDLE = "models/bundle.tar"


Process = subprocess.Popen[str] | forked.Process
Answer = tuple[int, Any]
"""The status of a response, and its content: JSON, or text."""


class Server:
    """A real server in a process of its own."""

    def __init__(self, process: Process, port: int) -> None:
        self.process, self.port = process, port

    def request(self, path: str, body: Any = None, *, token: str = "", **headers: str) -> Answer:
        """Send a request on a connection of its own; JSON goes in and comes out."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent_headers = (
            {"Content-Type": "application/json", **headers} if body is not None else headers
        )
        sent_headers |= {"Authorization": f"Bearer {token}"} if token else {}
        try:
            connection.request("POST" if body is not None else "GET", path, content, sent_headers)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        media_type = response.headers.get("content-type", "")
        return response.status, json.loads(text) if "json" in media_type else text.decode()

    def raw(self, content: bytes, *, end: bool = True) -> bytes:
        """Send bytes, with `end` as all there are; return what comes until the connection ends."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as sock:
            sock.sendall(content)
            if end:
                sock.shutdown(socket.SHUT_WR)
            parts = []
            while part := sock.recv(65_536):
                parts.append(part)
        return b"".join(parts)


@contextmanager
def start(folder: Path, command: list[str], env: dict[str, str]) -> Iterator[Process]:
    """Start a command: as a fork, unless it is of another environment."""
    if command[:2] == [sys.executable, "-c"] or forked.is_forked(command, env):
        with closing(forked.Process(folder, command, env)) as fork:
            yield fork
    else:
        pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        with subprocess.Popen(command, cwd=folder, env=env, **pipe) as process:
            yield process


@contextmanager
def start_server(command: list[str], folder: Path, env: dict[str, str]) -> Iterator[Server]:
    """Start a server on a free port, and stop it."""
    words = [*command, "--port", "0"]
    with start(folder, words, env) as process:
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
def serve(study: Path, *words: str, log: bool = False) -> Iterator[Server]:
    """Serve a study's bundle; without `log` nothing is logged, whatever the study says."""
    options = () if log or "--log" in words else ("--no-log",)
    with start_server(["headrace", "serve", *words, *options], study, bake.environment()) as server:
        yield server


def serve_with_limit(setting: str, study: Path) -> AbstractContextManager[Server]:
    """Serve with one of the limits set so low that a test reaches it."""
    code = (
        "import sys; from headrace.serve import connections, middleware; "
        f"{setting}; from headrace.cli import main; sys.exit(main.main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "serve", "--no-log"]
    source = {"PYTHONPATH": str(study / "src")}
    return start_server(command, study, bake.environment(**source))


def read_metrics(server: Server) -> dict[tuple[str, ...], float]:
    """Return a server's metrics, by name and labels."""
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(server.request("/metrics")[1])
        for sample in family.samples
    }


def read_log_tables(folder: Path) -> pd.DataFrame:
    """Return all rows that a server logged and converted to tables."""
    tables = [pd.read_parquet(table) for table in folder.glob("*.parquet")]
    return pd.concat(tables).sort_values("time", kind="stable")


def memory_mib(process: Process, kind: str) -> int:
    """Return the MiB of memory that a process has (VmRSS), or had at most (VmHWM)."""
    text = Path(f"/proc/{process.pid}/status").read_text("utf-8")
    size = re.search(rf"{kind}:\s+(\d+) kB", text)
    assert size
    return int(size[1]) // 1024
