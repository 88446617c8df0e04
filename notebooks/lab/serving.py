"""`make bench`: answers over HTTP beside the model's own, and a file larger than memory."""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from lab import bake

ONE, MANY = 300, 20
"""Requests of one row, and of 1,000 rows."""
ASKERS, EACH = 16, 200
"""Who ask at once, and how often each of them."""
SLOWER, SHARE, RATE, MEMORY_MIB, LINEAR = 2.0, 0.6, 200, 1024, 11.5
"""The bars: one row at most so many times the model alone; 1,000 rows at least such a share of its
rate; requests a second; memory of 10 million rows, and their time to that of one million."""
ALONE = """
import json, statistics, sys, time
from pathlib import Path
from headrace.bundle import golden, load
bundle = load.load(Path("models/bundle.tar"))
columns = bundle.answer.__globals__["FEATURES"]
for count, times in ((1, {one}), (1000, {many})):
    frame = golden.frame([bundle.example] * count, bundle.schema)[columns]
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        bundle.model.predict_proba(frame)
        seconds.append(time.perf_counter() - begun)
    print(json.dumps(statistics.median(seconds)))
"""
"""The model's own answers on a prepared frame, in a process of its own like the server's."""


Ask = Callable[[str, str, bytes], bytes]


def main() -> None:
    """Measure on the flights study and print; end the program where a bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        study = bake.bake(Path(folder))
        bake.commit(study)
        bake.run(study, "dvc", "repro")
        one, many, ready = _answers(study)
        rate = _load(study)
        alone = _alone(study)
        small, large = (_score(study, millions) for millions in (1, 10))
    slower, share = one / alone[0], alone[1] / many
    longer = large[0] / small[0]
    print("\nAnswers over HTTP beside the model's own, medians\n")
    print(f"one row: {1e3 * one:.1f} ms, the model alone {1e3 * alone[0]:.1f} ms, {slower:.2f} x")
    print(f"1,000 rows: {1e3 * many:.1f} ms, alone {1e3 * alone[1]:.1f} ms, share {share:.2f}")
    print(f"{ASKERS} at once, while another bundle takes over: {rate:.0f} requests a second")
    print(f"start to ready: {ready:.1f} s")
    print(f"score 1 million rows: {small[0]:.1f} s, {small[1]:,.0f} MiB")
    print(f"score 10 million rows: {large[0]:.1f} s, {large[1]:,.0f} MiB, {longer:.1f} x")
    missed = slower > SLOWER or share < SHARE or large[1] > MEMORY_MIB or longer > LINEAR
    if missed or rate < RATE:
        sys.exit(f"Missed: {SLOWER} x, share {SHARE}, {RATE}/s, {MEMORY_MIB} MiB, {LINEAR} x")


def _load(study: Path) -> float:
    """Return the requests a second of many askers, none of which may fail, during a change."""
    with _served(study) as (ask, port):
        body = json.dumps(_example(ask)).encode()

        def work(_: int) -> None:
            with _connected(port) as mine:
                for _ in range(EACH):
                    mine("POST", "/predict", body)

        begun = time.perf_counter()
        with ThreadPoolExecutor(ASKERS) as askers:
            done = askers.map(work, range(ASKERS))
            ask("POST", "/reload", b"{}")
            assert len([*done]) == ASKERS
        return ASKERS * EACH / (time.perf_counter() - begun)


def _example(ask: Ask) -> dict[str, Any]:
    described = json.loads(ask("GET", "/openapi.json", b""))["paths"]["/predict"]["post"]
    body = described["requestBody"]["content"]["application/json"]["schema"]
    row: dict[str, Any] = body["oneOf"][0]["example"]
    return row


def _answers(study: Path) -> tuple[float, float, float]:
    """Return the seconds of one row, of 1,000, and from the start to the first readiness."""
    begun = time.perf_counter()
    with _served(study) as (ask, _):
        ask("GET", "/readyz", b"")
        ready = time.perf_counter() - begun
        row = _example(ask)
        bodies = [(json.dumps(row).encode(), ONE), (json.dumps([row] * 1000).encode(), MANY)]
        one, many = (_median(partial(ask, "POST", "/predict", sent), n) for sent, n in bodies)
    return one, many, ready


def _median(call: Callable[[], object], times: int) -> float:
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begun)
    return median(seconds)


@contextmanager
def _served(study: Path) -> Iterator[tuple[Ask, int]]:
    """Serve the study's bundle, and yield what asks it, over one connection, and its port."""
    command = ["headrace", "serve", "--port", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=study, env=bake.environment(), stdout=pipe, text=True
    ) as process:
        assert process.stdout is not None
        found = re.search(r":(\d+)$", process.stdout.readline().strip())
        assert found
        try:
            with _connected(int(found[1])) as ask:
                yield ask, int(found[1])
        finally:
            process.terminate()


@contextmanager
def _connected(port: int) -> Iterator[Ask]:
    """Yield what asks over a connection of its own; an answer other than 200 ends the program."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(method: str, path: str, body: bytes) -> bytes:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        return text

    try:
        yield ask
    finally:
        connection.close()


def _alone(study: Path) -> list[float]:
    code = ALONE.format(one=ONE, many=MANY)
    env = bake.environment(OMP_NUM_THREADS="1", PYTHONPATH=str(study / "src"))
    said = bake.run(study, sys.executable, "-c", code, env=env).stdout
    return [json.loads(line) for line in said.split()]


def _score(study: Path, millions: int) -> tuple[float, float]:
    """Return the seconds and the peak memory, in MiB, of scoring a file of so many rows."""
    rows, wanted = parquet.read_table(study / "data/features.parquet"), millions * 1_000_000
    path = study / f"rows-{millions}.parquet"
    with parquet.ParquetWriter(path, rows.schema) as writer:
        for done in range(0, wanted, rows.num_rows):
            part: pa.Table = rows.slice(0, min(rows.num_rows, wanted - done))
            writer.write_table(part)
    begun = time.perf_counter()
    words = ["headrace", "score", str(path), str(study / "scored.parquet")]
    process = os.posix_spawnp("env", ["env", "-C", str(study), *words], bake.environment())
    _, status, usage = os.wait4(process, 0)
    assert status == 0
    return time.perf_counter() - begun, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
