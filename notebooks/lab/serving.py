"""`make bench`: time of answers over HTTP and of the model alone; scoring beyond memory."""

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
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from lab import bake

SINGLE_REQUESTS, LARGE_REQUESTS = 300, 20
"""Requests of one row, and of 1,000 rows."""
CLIENTS, REQUESTS_EACH = 16, 200
"""Concurrent clients, and the requests of each."""
MAX_SLOWDOWN, MIN_SHARE, MIN_RATE, MAX_MIB, MAX_GROWTH = 2.0, 0.6, 200, 1024, 11.5
"""The bars: time of one row over the model's alone; rate of 1,000 rows as a share of the model's;
requests a second; memory of scoring 10 million rows, and their time over that of one million."""
ALONE = """
import json, statistics, sys, time
from pathlib import Path
from headrace.bundle import golden, load
bundle = load.load(Path("models/bundle.tar"))
columns = bundle.answer.__globals__["FEATURES"]
for count, times in ((1, {single}), (1000, {large})):
    frame = golden.frame([bundle.example] * count, bundle.schema)[columns]
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        bundle.model.predict_proba(frame)
        seconds.append(time.perf_counter() - started)
    print(json.dumps(statistics.median(seconds)))
"""
"""Prints the seconds of the model alone on a prepared frame, in a process like the server's."""
Ask = Callable[[str, str, bytes], bytes]


def main() -> None:
    """Measure on the flights study and print; exit with 1 where a bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        study = bake.bake(Path(folder))
        bake.commit(study)
        bake.run(study, "dvc", "repro")
        single, large, ready = _latency(study)
        rate = _rate(study)
        alone = _model_alone(study)
        scored = {millions: _score(study, millions) for millions in (1, 10)}
    slowdown, share = single / alone[0], alone[1] / large
    growth, memory = scored[10][0] / scored[1][0], scored[10][1]
    print("\nAnswers over HTTP and of the model alone, medians\n")
    print(f"one row: {1e3 * single:.1f} ms, alone {1e3 * alone[0]:.1f} ms, {slowdown:.2f} x")
    print(f"1,000 rows: {1e3 * large:.1f} ms, alone {1e3 * alone[1]:.1f} ms, share {share:.2f}")
    print(f"{CLIENTS} clients, during a reload of the bundle: {rate:.0f} requests a second")
    print(f"start to ready: {ready:.1f} s")
    for millions, (seconds, mib) in scored.items():
        print(f"score {millions} million rows: {seconds:.1f} s, {mib:,.0f} MiB")
    print(f"10 million rows take {growth:.1f} x the time of one million")
    missed = slowdown > MAX_SLOWDOWN or share < MIN_SHARE or memory > MAX_MIB
    if missed or growth > MAX_GROWTH or rate < MIN_RATE:
        bars = f"{MAX_SLOWDOWN} x, share {MIN_SHARE}, {MIN_RATE}/s, {MAX_MIB} MiB, {MAX_GROWTH} x"
        sys.exit(f"Missed one of: {bars}")


def _rate(study: Path) -> float:
    """Return the requests a second of concurrent clients during a reload; none may fail."""
    with _served(study) as (ask, port):
        body = json.dumps(_example(ask)).encode()

        def work(_: int) -> None:
            with _connected(port) as client:
                for _ in range(REQUESTS_EACH):
                    client("POST", "/predict", body)

        started = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as clients:
            results = clients.map(work, range(CLIENTS))
            ask("POST", "/reload", b"{}")
            assert len([*results]) == CLIENTS
        return CLIENTS * REQUESTS_EACH / (time.perf_counter() - started)


def _example(ask: Ask) -> dict[str, Any]:
    operation = json.loads(ask("GET", "/openapi.json", b""))["paths"]["/predict"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    row: dict[str, Any] = schema["oneOf"][0]["example"]
    return row


def _latency(study: Path) -> tuple[float, float, float]:
    """Return the seconds of one row, of 1,000 rows, and from the start to readiness."""
    started = time.perf_counter()
    with _served(study) as (ask, _):
        ask("GET", "/readyz", b"")
        ready = time.perf_counter() - started
        row = _example(ask)
        single = _median(ask, json.dumps(row).encode(), SINGLE_REQUESTS)
        large = _median(ask, json.dumps([row] * 1000).encode(), LARGE_REQUESTS)
    return single, large, ready


def _median(ask: Ask, body: bytes, times: int) -> float:
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        ask("POST", "/predict", body)
        seconds.append(time.perf_counter() - started)
    return median(seconds)


@contextmanager
def _served(study: Path) -> Iterator[tuple[Ask, int]]:
    """Serve the study's bundle; yield a function that sends a request, and the port."""
    command = ["headrace", "serve", "--port", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=study, env=bake.environment(), stdout=pipe, text=True
    ) as process:
        assert process.stdout is not None
        port = re.search(r":(\d+)$", process.stdout.readline().strip())
        assert port
        try:
            with _connected(int(port[1])) as ask:
                yield ask, int(port[1])
        finally:
            process.terminate()


@contextmanager
def _connected(port: int) -> Iterator[Ask]:
    """Yield a function that sends a request over one connection; it takes no status but 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(method: str, path: str, body: bytes) -> bytes:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read()
        assert response.status == 200, content
        return content

    try:
        yield ask
    finally:
        connection.close()


def _model_alone(study: Path) -> list[float]:
    code = ALONE.format(single=SINGLE_REQUESTS, large=LARGE_REQUESTS)
    env = bake.environment(OMP_NUM_THREADS="1", PYTHONPATH=str(study / "src"))
    output = bake.run(study, sys.executable, "-c", code, env=env).stdout
    return [json.loads(line) for line in output.split()]


def _score(study: Path, millions: int) -> tuple[float, float]:
    """Return the seconds and the peak memory, in MiB, of scoring a file of so many rows."""
    rows, total = parquet.read_table(study / "data/features.parquet"), millions * 1_000_000
    path = study / f"rows-{millions}.parquet"
    with parquet.ParquetWriter(path, rows.schema) as writer:
        for start in range(0, total, rows.num_rows):
            part: pa.Table = rows.slice(0, min(rows.num_rows, total - start))
            writer.write_table(part)
    started = time.perf_counter()
    words = ["headrace", "score", str(path), str(study / "scored.parquet")]
    process = os.posix_spawnp("env", ["env", "-C", str(study), *words], bake.environment())
    _, status, usage = os.wait4(process, 0)
    assert status == 0
    return time.perf_counter() - started, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
