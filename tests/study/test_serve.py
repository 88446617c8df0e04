"""A served bundle answers as it was made to, says why where it does not, and to whom it may."""

import asyncio
import base64
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import browser
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from pydantic import TypeAdapter
from servers import BUNDLE, Server, serving, started

from headrace.bundle import archive, golden
from headrace.errors import HeadraceError
from headrace.execution import sandbox
from headrace.schema import row_reader, row_types, validation_errors
from headrace.serve import access, command, connections, middleware
from headrace.serve.predictions import MicroBatcher
from lab import bake


@pytest.fixture(scope="module")
def server(quick: Path) -> Iterator[Server]:
    """A server on the quick study's bundle."""
    with serving(quick) as started:
        yield started


def test_one_row_and_many_get_the_answers_of_the_model(
    server: Server, asked: list[dict[str, Any]], known: dict[str, bytes]
) -> None:
    expected = [row[golden.PREDICTION] for row in json.loads(known["golden.json"])]
    threshold = json.loads(known["facts.json"])["threshold"]
    status, content = server.ask("/predict", asked)
    assert status == 200
    assert [row["prediction"] for row in content["predictions"]] == expected
    assert [row["positive"] for row in content["predictions"]] == [p >= threshold for p in expected]
    for row, answer in zip(asked[:5], expected, strict=False):
        assert server.ask("/predict", row)[1]["predictions"][0]["prediction"] == answer


def test_many_who_ask_at_once_get_each_their_own_answers(
    server: Server, asked: list[dict[str, Any]], known: dict[str, bytes]
) -> None:
    expected = [row[golden.PREDICTION] for row in json.loads(known["golden.json"])]

    def ask(number: int) -> list[float]:
        part = asked[number % 97 : number % 97 + 1 + number % 3]
        status, content = server.ask("/predict", part)
        assert status == 200
        return [row["prediction"] for row in content["predictions"]]

    with ThreadPoolExecutor(16) as askers:
        answers = [*askers.map(ask, range(400))]
    for number, answer in enumerate(answers):
        assert answer == expected[number % 97 : number % 97 + 1 + number % 3]


def test_a_fault_of_the_model_is_told_to_all_who_wait_and_to_nobody_later() -> None:
    class Faulty:
        def answer(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
            if any("bad" in row for row in rows):
                raise ValueError("a fault")
            return [{"prediction": row["x"]} for row in rows]

    async def ask() -> list[Any]:
        batcher, model = MicroBatcher(), Faulty()
        asked: list[list[dict[str, Any]]] = [[{"x": 1}], [{"bad": 1}], [{"x": 2}, {"x": 3}]]
        waiting = [batcher.answer(model, rows) for rows in asked]  # type: ignore[arg-type]
        first = await asyncio.gather(*waiting, return_exceptions=True)
        again = await batcher.answer(model, [{"x": 4}])  # type: ignore[arg-type]
        return [*first, again]

    first, second, third, again = asyncio.run(ask())
    assert isinstance(second, ValueError)
    assert first in ([{"prediction": 1}], second)
    assert third in ([{"prediction": 2}, {"prediction": 3}], second)
    assert again == [{"prediction": 4}]


def test_a_thousand_rows_are_answered_in_their_order(
    server: Server, asked: list[dict[str, Any]]
) -> None:
    status, content = server.ask("/predict", asked * 10)
    assert status == 200
    answers = [row["prediction"] for row in content["predictions"]]
    assert answers == answers[: len(asked)] * 10


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown field": ({"colour": "red"}, "colour", "extra_forbidden"),
    "text for a number": ({"temp": "75"}, "temp", "float_type"),
    "a number for text": ({"carrier": 7}, "carrier", "string_type"),
    "true for a number": ({"temp": True}, "temp", "float_type"),
    "a part of a whole number": ({"weekday": 1.5}, "weekday", "int_type"),
    "nothing where there must be something": ({"weekday": None}, "weekday", "int_type"),
    "out of range": ({"weekday": 7}, "weekday", "less_than_equal"),
    "too large for any number": ({"distance": 10**400}, "distance", ""),
    "not a choice": ({"origin": "SFO"}, "origin", "literal_error"),
    "too long": ({"carrier": "x" * 999}, "carrier", "string_too_long"),
    "a list for a number": ({"temp": [1]}, "temp", "float_type"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_row_is_refused_with_its_field_and_reason(
    server: Server, asked: list[dict[str, Any]], name: str
) -> None:
    change, field, reason = WRONG[name]
    for body, place in (
        ({**asked[0], **change}, field),
        ([asked[0], {**asked[0], **change}], None),
    ):
        status, content = server.ask("/predict", body)
        assert status == 422
        (mistake,) = content["detail"]
        assert mistake["field"] == (place or f"1.{field}")
        assert reason in mistake["reason"]
        assert "red" not in json.dumps(content)
        assert "xxx" not in json.dumps(content)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_finite_number_is_refused(
    server: Server, asked: list[dict[str, Any]], number: str
) -> None:
    body = json.dumps({**asked[0], "temp": "HERE"}).replace('"HERE"', number).encode()
    status, content = server.ask("/predict", body)
    assert status == 422
    assert content["detail"][0]["field"] in ("temp", "")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"3", b'"x"', b"[[]]", b"\xff\xfe", b"\x00", b"[" * 50_000]
)
def test_a_body_that_is_no_row_is_refused(server: Server, body: bytes) -> None:
    status, content = server.ask("/predict", body)
    assert status == 422
    assert content["detail"]


def test_limits_of_size_rows_and_kind_are_told(server: Server, asked: list[dict[str, Any]]) -> None:
    large = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n"
    assert server.raw(large, whole=False).startswith(b"HTTP/1.1 413")
    status, content = server.ask("/predict", [asked[0]] * 10_001)
    assert (status, content["detail"][0]["reason"]) == (422, "too_many_rows")
    assert server.ask("/predict", asked[0], **{"Content-Type": "text/plain"})[0] == 415
    assert server.ask("/nowhere")[0] == 404
    assert server.ask("/healthz", b"{}")[0] == 405


def memory(process: subprocess.Popen[str], kind: str) -> int:
    """Return the MiB of memory that a process has (VmRSS), or had at most (VmHWM)."""
    text = Path(f"/proc/{process.pid}/status").read_text("utf-8")
    size = re.search(rf"{kind}:\s+(\d+) kB", text)
    assert size
    return int(size[1]) // 1024


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
def test_a_body_of_many_mistakes_takes_little_memory_and_few_words(
    server: Server, body: bytes, reason: str
) -> None:
    before = memory(server.process, "VmHWM")
    status, content = server.ask("/predict", body)
    assert (status, content["detail"][-1]["reason"]) == (422, reason)
    assert len(content["detail"]) <= 21
    assert memory(server.process, "VmHWM") < before + 128


def hostile(server: Server, content: bytes) -> None:
    """Send bytes; whatever comes back is no 5xx, and the server is there afterwards."""
    content = server.raw(content)
    assert not re.match(rb"HTTP/1\.1 5", content), content[:200]


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=400))
def test_any_bytes_as_a_body_are_no_fault_of_the_server(server: Server, body: bytes) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    hostile(server, head + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
    assert server.process.poll() is None


@pytest.mark.long
@settings(
    max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=400), st.booleans())
def test_thousands_of_raw_bytes_are_no_fault_of_the_server(
    server: Server, content: bytes, headed: bool
) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(content)
    hostile(server, head + content if headed else content)
    assert server.process.poll() is None


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([10**400, -(10**400), 2**63, "JFK", "2013-09-01T00:00:00Z"]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=5), inside),
    max_leaves=6,
)


@pytest.mark.long
def test_five_thousand_spoilt_rows_are_answered_or_refused_and_memory_stays(
    quick: Path, asked: list[dict[str, Any]]
) -> None:
    names = [*asked[0], "more"]
    with serving(quick) as running:

        @settings(max_examples=5_000, deadline=None, suppress_health_check=[*HealthCheck])
        @given(st.dictionaries(st.sampled_from(names), ANYTHING, min_size=1, max_size=4))
        def spoil(change: dict[str, Any]) -> None:
            status, content = running.ask("/predict", {**asked[0], **change})
            assert status in (200, 422), content
            assert status == 200 or all(mistake["says"] for mistake in content["detail"])

        for _ in range(200):
            running.ask("/predict", asked[0])
        before = memory(running.process, "VmRSS")
        spoil()
        assert memory(running.process, "VmRSS") < before + 32
        assert running.ask("/readyz")[0] == 200


@pytest.mark.long
def test_the_server_keeps_to_what_its_openapi_says(quick: Path, tmp_path: Path) -> None:
    secret, line = access.create_token("ci", ["predict", "metrics", "admin"])
    (tmp_path / "tokens").write_text(line + "\n", "utf-8")
    with serving(quick, "--tokens", str(tmp_path / "tokens")) as running:
        command = ["st", "run", f"http://127.0.0.1:{running.port}/openapi.json", "--checks", "all"]
        command += ["--header", f"Authorization: Bearer {secret}", "--max-examples", "1500"]
        content = bake.run(tmp_path, *command, "--continue-on-failure", "--seed", "1").stdout
    counts = re.search(r"(\d+) generated, (\d+) passed", content)
    assert counts, content
    assert int(counts[1]) == int(counts[2]) > 1500


def test_health_readiness_and_version_say_what_is_in_charge(
    server: Server, known: dict[str, bytes]
) -> None:
    assert server.ask("/healthz") == (200, {"status": "ok"})
    assert server.ask("/readyz") == (200, {"status": "ready", "golden_rows": 100})
    status, content = server.ask("/version")
    assert status == 200
    assert content["manifest_sha256"] == hashlib.sha256(known[archive.MANIFEST]).hexdigest()
    assert content["files"] == json.loads(known[archive.MANIFEST])["files"]


def test_a_whole_number_may_be_written_with_a_point(
    server: Server, asked: list[dict[str, Any]]
) -> None:
    pointed = {name: float(v) if type(v) is int else v for name, v in asked[0].items()}
    assert json.dumps(pointed) != json.dumps(asked[0])
    expected = server.ask("/predict", asked[0])[1]["predictions"]
    status, content = server.ask("/predict", [pointed, asked[0]])
    assert (status, content["predictions"]) == (200, expected * 2)
    whole = next(name for name, v in asked[0].items() if type(v) is int)
    status, content = server.ask("/predict", {**pointed, whole: asked[0][whole] + 0.5})
    assert (status, content["detail"][0]["field"]) == (422, whole)


def metrics_of(running: Server) -> dict[tuple[str, ...], float]:
    """Return a server's figures, by name and labels."""
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(running.ask("/metrics")[1])
        for sample in family.samples
    }


def test_refused_rows_are_counted_by_reason_as_far_as_they_were_read(
    quick: Path, asked: list[dict[str, Any]]
) -> None:
    strange = {**asked[0], **{f"x{number}": 0 for number in range(15)}}
    with serving(quick) as running:
        assert running.ask("/predict", [strange, *asked[:3], strange, strange, strange])[0] == 422
        assert running.ask("/predict", [asked[0], {**strange, "weekday": 9}])[0] == 422
        assert running.ask("/predict", b"[]")[0] == 422
        assert running.ask("/predict", asked[0], **{"Content-Type": "text/plain"})[0] == 415
        metrics = metrics_of(running)
    totals = ("headrace_refused_total", "headrace_refused_rows_total")
    assert {name: value for name, value in metrics.items() if name[0] in totals} == {
        ("headrace_refused_total", "extra_forbidden"): 2,
        ("headrace_refused_total", "less_than_equal"): 1,
        ("headrace_refused_total", "no_rows"): 1,
        ("headrace_refused_total", "not_json"): 1,
        ("headrace_refused_rows_total", "extra_forbidden"): 3,
        ("headrace_refused_rows_total", "less_than_equal"): 1,
    }


def test_a_prediction_on_the_page_is_counted_and_written_down_as_any_other(
    copy: Path, known: dict[str, bytes]
) -> None:
    row = json.loads(known["golden.json"])[0]
    expected = row.pop(golden.PREDICTION)
    typed = {name: "" if value is None else value for name, value in row.items()}
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    with serving(copy, log=True) as running:
        assert f"{expected:.1%}" in running.ask("/", urlencode(typed).encode(), **kind)[1]
        assert "Not answered" in running.ask("/", b"weekday=9", **kind)[1]
        metrics = metrics_of(running)
    assert metrics[("headrace_rows_total",)] == 1
    assert metrics[("headrace_refused_total", "less_than_equal")] == 1
    kept = written(copy / "data/served")
    assert kept["prediction"].tolist() == [expected]
    assert kept["carrier"].tolist() == [row["carrier"]]


def test_figures_count_requests_rows_predictions_and_refusals(
    quick: Path, asked: list[dict[str, Any]]
) -> None:
    with serving(quick) as running:
        running.ask("/predict", asked[:7])
        running.ask("/predict", {**asked[0], "x": 1})
        metrics = metrics_of(running)
    assert metrics[("headrace_rows_total",)] == 7
    tenths = [value for name, value in metrics.items() if name[0] == "headrace_predictions_total"]
    assert sum(tenths) == 7
    assert metrics[("headrace_requests_total", "/predict", "200")] == 1
    assert metrics[("headrace_requests_total", "/predict", "422")] == 1
    assert metrics[("headrace_refused_total", "extra_forbidden")] == 1
    assert metrics[("headrace_request_seconds_count", "/predict")] == 2


def test_the_schema_is_in_openapi_with_meanings_units_ranges_and_an_example(
    server: Server, known: dict[str, bytes]
) -> None:
    described = server.ask("/openapi.json")[1]["paths"]["/predict"]["post"]
    body = described["requestBody"]["content"]["application/json"]["schema"]
    row = body["oneOf"][0]
    contract = json.loads(known["schema.json"])["properties"]
    assert row["properties"].keys() == contract.keys()
    assert row["properties"]["distance"]["description"] == contract["distance"]["description"]
    assert row["properties"]["distance"]["x-unit"] == "mi"
    assert row["properties"]["distance"]["maximum"] == 6000
    assert row["additionalProperties"] is False
    status, _ = server.ask("/predict", row["example"])
    assert status == 200
    assert {"200", "401", "413", "415", "422"} <= described["responses"].keys()


def test_a_stranger_without_a_token_gets_nothing(
    quick: Path, tmp_path: Path, asked: list[dict[str, Any]]
) -> None:
    file, secrets = tmp_path / "tokens", {}
    lines = ["# who may ask"]
    for name in access.SCOPES:
        secrets[name], line = access.create_token(name, [name])
        lines.append(line)
    file.write_text("\n".join(lines) + "\n", "utf-8")
    with serving(quick, "--tokens", str(file)) as running:
        for path in ("/", "/predict", "/readyz", "/version", "/metrics", "/openapi.json"):
            for wrong in ("", "x", secrets["admin"]):
                status, content = running.ask(path, token=wrong)
                assert (status, content["detail"][0]["reason"]) == (401, "no_right"), path
        assert running.ask("/predict", asked[0], token=secrets["predict"])[0] == 200
        assert running.ask("/metrics", token=secrets["metrics"])[0] == 200
        assert running.ask("/reload", {}, token=secrets["predict"])[0] == 401
        assert running.ask("/reload", {}, token=secrets["admin"])[0] == 200
        assert "headrace_denied_total 19" in running.ask("/metrics", token=secrets["metrics"])[1]
        file.write_text(lines[1] + "\n", "utf-8")
        assert running.ask("/metrics", token=secrets["metrics"])[0] == 401
        file.write_text("broken\n", "utf-8")
        assert running.ask("/predict", asked[0], token=secrets["predict"])[0] == 200
        file.unlink()
        for _ in range(3):
            assert running.ask("/predict", asked[0], token=secrets["predict"])[0] == 401
        file.write_text(lines[1] + "\n", "utf-8")
        assert running.ask("/predict", asked[0], token=secrets["predict"])[0] == 200
        running.process.terminate()
        assert running.process.stdout is not None
        assert running.process.stdout.read().count("tokens is gone: NO TOKEN is valid. Next: ") == 1


def test_another_web_page_reloads_nothing_and_asks_nothing(
    server: Server, quick: Path, tmp_path: Path, asked: list[dict[str, Any]]
) -> None:
    own, plain = f"http://127.0.0.1:{server.port}", {"Content-Type": "text/plain"}
    other: list[dict[str, str]] = [{"Origin": "https://evil.example"}, {"Origin": "null"}]
    other += [{"Origin": own, "Sec-Fetch-Site": "cross-site"}, {"Origin": f"{own}.evil.example"}]
    other += [{"Host": "evil.example"}, {"Host": f"127.0.0.1.evil.example:{server.port}"}]
    for headers in other:
        for path in ("/reload", "/predict", "/"):
            status, content = server.ask(path, asked[0], **plain, **headers)
            assert (status, content["detail"][0]["reason"]) == (403, "foreign"), (path, headers)
            assert "Next: " in content["detail"][0]["says"]
    rebound = {"Host": "evil.example", "Origin": "http://evil.example"}
    assert server.ask("/predict", asked[0], **rebound)[0] == 403
    assert server.ask("/metrics", Host="evil.example")[0] == 403
    for host in ("localhost", "localhost:9", "127.0.0.2", "[::1]:80", "a.localhost", "here"):
        assert server.ask("/predict", asked[0], Host=host)[0] == 200, host
    seen = {"Origin": "https://models.example", "Sec-Fetch-Site": "same-origin"}
    for fine in ({"Origin": own}, seen):
        assert server.ask("/predict", asked[0], **fine)[0] == 200
    secret, line = access.create_token("ada", ["predict"])
    (tmp_path / "tokens").write_text(line + "\n", "utf-8")
    behind = {"Host": "models.example", "X-Forwarded-For": "203.0.113.7"}
    with serving(quick, "--tokens", str(tmp_path / "tokens")) as running:
        page = {"Origin": "https://app.example"}
        assert running.ask("/predict", asked[0], token=secret, **behind, **page)[0] == 200
        typed = base64.b64encode(f"me:{secret}".encode()).decode()
        basic = {"Authorization": f"Basic {typed}", **behind}
        assert running.ask("/", b"", **basic, **page)[0] == 403
        assert running.ask("/", b"", **basic, Origin="https://models.example")[0] == 200
    with serving(quick, "--insecure") as running:
        assert running.ask("/predict", asked[0], **behind)[0] == 200
        assert running.ask("/predict", asked[0], **behind, **page)[0] == 403


def test_json_is_what_says_so_exactly(server: Server, asked: list[dict[str, Any]]) -> None:
    kinds = {"application/json": 200, "Application/JSON; charset=utf-8": 200, "": 415}
    kinds |= {"application/problem+json": 200, "text/plain; charset=json": 415}
    kinds |= {"application/x-www-form-urlencoded; a=+json": 415, "text/json": 415}
    for kind, status in kinds.items():
        assert server.ask("/predict", asked[0], **{"Content-Type": kind})[0] == status, kind


def test_an_address_of_the_new_kind_is_printed_as_a_browser_takes_it(quick: Path) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with serving(quick, "--host", "::1") as running:
        connection = http.client.HTTPConnection("::1", running.port, timeout=60)
        connection.request("GET", "/version")
        assert connection.getresponse().status == 200
        connection.close()


def test_a_path_that_is_not_exactly_one_of_ours_leads_nowhere(
    server: Server, quick: Path, tmp_path: Path
) -> None:
    secret, line = access.create_token("ada", ["predict"])
    (tmp_path / "tokens").write_text(line + "\n", "utf-8")
    with serving(quick, "--tokens", str(tmp_path / "tokens")) as running:
        for path in middleware.REQUIRED_SCOPE:
            odd = [f"{path}{end}" for end in ("%0A", "%0D", "%20")]
            odd += [f"/{path}", f"{path}/"]
            for wrong in odd:
                body = {} if path in ("/", "/predict", "/reload") else None
                assert server.ask(wrong, body)[0] == 404, wrong
                assert running.ask(wrong, body, token=secret)[0] == 404, wrong
            assert running.ask(odd[0])[0] == 404, odd[0]


def test_who_asks_through_a_proxy_is_not_this_machine(server: Server) -> None:
    for name, value in (("X-Forwarded-For", "127.0.0.1"), ("Forwarded", "for=127.0.0.1")):
        assert server.ask("/reload", {}, **{name: value})[0] == 401
    assert server.ask("/healthz", **{"X-Forwarded-For": "203.0.113.7"})[0] == 200


def test_a_token_file_holds_no_token_and_names_what_is_wrong_with_it(tmp_path: Path) -> None:
    token, line = access.create_token("ada", ["predict", "metrics"])
    assert token not in line
    assert line.split()[2] == hashlib.sha256(token.encode()).hexdigest()
    file = tmp_path / "tokens"
    file.write_text(f"{line}\nada predict short\n", "utf-8")
    with pytest.raises(HeadraceError, match=r"tokens:2 is not NAME SCOPES SHA256\. Next: "):
        access.Tokens(file)
    for strange in ("é" * 64, "g" * 64, "٣" * 64):
        file.write_text(f"ada predict {strange}\n", "utf-8")
        with pytest.raises(HeadraceError, match=r"tokens:1 is not NAME SCOPES SHA256"):
            access.Tokens(file)
    with pytest.raises(HeadraceError, match="none is missing"):
        access.Tokens(tmp_path / "none")
    with pytest.raises(HeadraceError, match="No scope all"):
        access.create_token("ada", ["all"])
    with pytest.raises(HeadraceError, match="Invalid token name"):
        access.create_token("a b", ["predict"])


def test_on_any_other_address_it_starts_only_with_tokens_or_against_advice(quick: Path) -> None:
    words = ("headrace", "serve", "--port", "0", "--host", "0.0.0.0")
    result = bake.run(quick, *words, check=False)
    assert result.returncode == 1
    assert "anybody could ask, and there are no tokens. Next: headrace token NAME" in result.stdout
    with serving(quick, "--host", "0.0.0.0", "--insecure") as running:
        assert running.ask("/healthz")[0] == 200


def test_a_bundle_that_is_refused_is_not_served(copy: Path) -> None:
    path = copy / BUNDLE
    content = bytearray(path.read_bytes())
    content[3000] ^= 1
    path.write_bytes(bytes(content))
    result = bake.run(copy, "headrace", "serve", "--port", "0", check=False)
    assert result.returncode == 1
    assert "bundle.tar is refused: " in result.stdout
    assert "Traceback" not in result.stdout


def other(copy: Path) -> bytes:
    """Return another bundle of the same study, with another threshold and another limit."""
    files = archive.unseal((copy / BUNDLE).read_bytes(), "b")
    manifest = json.loads(files.pop(archive.MANIFEST))
    del manifest["files"], files[archive.SEAL]
    facts = {**json.loads(files["facts.json"]), "threshold": 0.999}
    schema = json.loads(files["schema.json"])
    schema["properties"]["distance"]["maximum"] = 7000
    changed = {"facts.json": facts, "schema.json": schema}
    return archive.seal(
        {**files, **{name: json.dumps(value).encode() for name, value in changed.items()}}, manifest
    )


@pytest.mark.parametrize("way", ["/reload", "SIGHUP"])
def test_another_bundle_takes_over_with_no_request_failing(
    copy: Path, asked: list[dict[str, Any]], way: str
) -> None:
    statuses: list[int] = []
    ended = threading.Event()

    def load() -> None:
        while not ended.is_set():
            statuses.append(running.ask("/predict", asked[0])[0])

    with serving(copy) as running:
        before = running.ask("/version")[1]["manifest_sha256"]
        askers = [threading.Thread(target=load) for _ in range(3)]
        for asker in askers:
            asker.start()
        made = copy / "new.tar"
        made.write_bytes(other(copy))
        made.replace(copy / BUNDLE)
        if way == "/reload":
            assert running.ask("/reload", {})[0] == 200
        else:
            os.kill(running.process.pid, signal.SIGHUP)
            assert running.process.stdout is not None
            assert "bundle.tar has taken over" in running.process.stdout.readline()
        after = running.ask("/version")[1]["manifest_sha256"]
        assert metrics_of(running)[("headrace_reloads_total", "taken over")] == 1
        described = running.ask("/openapi.json")[1]["paths"]["/predict"]["post"]["requestBody"]
        row = described["content"]["application/json"]["schema"]["oneOf"][0]
        assert row["properties"]["distance"]["maximum"] == 7000
        for _ in range(20):
            statuses.append(running.ask("/predict", asked[0])[0])
        ended.set()
        for asker in askers:
            asker.join()
    assert after != before
    assert len(statuses) > 30
    assert set(statuses) == {200}


def test_a_broken_bundle_does_not_take_over(copy: Path, asked: list[dict[str, Any]]) -> None:
    with serving(copy) as running:
        (copy / BUNDLE).write_bytes(b"broken")
        status, content = running.ask("/reload", {})
        assert status == 409
        assert "bundle.tar is refused" in content["problem"]
        assert running.ask("/predict", asked[0])[0] == 200
        assert 'headrace_reloads_total{result="refused"} 1.0' in running.ask("/metrics")[1]


def test_a_request_that_is_under_way_is_answered_when_the_server_is_told_to_stop(
    quick: Path, asked: list[dict[str, Any]]
) -> None:
    body = json.dumps(asked[0]).encode()
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
    with serving(quick) as running:
        with socket.create_connection(("127.0.0.1", running.port), timeout=60) as sock:
            sock.sendall(head + body[:10])
            assert running.ask("/healthz")[0] == 200  # so the head has been read
            running.process.terminate()
            sock.sendall(body[10:])
            content = b""
            while part := sock.recv(65_536):
                content += part
        assert content.startswith(b"HTTP/1.1 200")
        assert running.process.wait(60) in (0, -signal.SIGTERM)


def test_a_kept_connection_is_told_to_close_and_loses_no_request_when_the_server_stops(
    quick: Path, asked: list[dict[str, Any]]
) -> None:
    body, kind = json.dumps(asked[0]), {"Content-Type": "application/json"}
    busy = threading.Barrier(9, timeout=60)

    def keep(_: int) -> list[int]:
        """Ask on one connection until the server says that it closes; return the statuses."""
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
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
        impatient("connections.DRAIN_SECONDS = 60", quick) as running,
        ThreadPoolExecutor(8) as askers,
    ):
        idle = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
        idle.request("GET", "/healthz")
        assert idle.getresponse().read() == b'{"status": "ok"}'
        answers = askers.map(keep, range(8))
        busy.wait()
        running.process.terminate()
        for statuses in answers:
            assert len(statuses) >= 5
            assert {*statuses} == {200}
        idle.request("GET", "/healthz")
        answer = idle.getresponse()
        assert (answer.status, answer.headers["Connection"]) == (200, "close")
        assert running.process.wait(60) in (0, -signal.SIGTERM)


def test_a_request_that_has_come_is_no_idle_connection() -> None:
    near, far = socket.socketpair()
    with near, far:
        transport = SimpleNamespace(get_extra_info=lambda name: {"socket": near}[name])
        assert not connections.has_unread_data(transport)
        far.sendall(b"G")
        assert connections.has_unread_data(transport)


def test_what_is_under_way_has_longer_than_any_answer_when_the_server_stops() -> None:
    assert command.GRACE_SECONDS > middleware.ANSWER_SECONDS > connections.READ_SECONDS


SCHEMA = {
    "properties": {
        "a": {"type": "integer", "minimum": 0, "exclusiveMaximum": 10},
        "b": {"type": ["number", "null"], "description": "a length", "x-unit": "m"},
        "c": {"type": ["string", "null"], "enum": ["x", "y", None]},
        "d": {"type": "boolean"},
    }
}


def test_a_row_s_type_is_made_of_its_schema() -> None:
    adapter = TypeAdapter(row_types.row_type(SCHEMA, {"a": 1, "b": None, "c": "x", "d": True}))
    for good in ({"a": 1, "b": 2, "c": None, "d": True}, {"a": 0, "b": None, "c": "y", "d": False}):
        adapter.validate_json(json.dumps(good))
    described = adapter.json_schema()
    assert described["properties"]["b"]["x-unit"] == "m"
    assert described["example"]["a"] == 1


Read = Callable[[bytes], list[dict[str, Any]]]


def test_many_mistakes_are_counted_and_strange_names_are_shown_safely() -> None:
    reader = row_reader.Reader(SCHEMA, 100)
    row = {"a": 1, "b": 1, "c": "x", "d": True}
    with pytest.raises(validation_errors.Refused) as caught:
        reader.read(json.dumps({**row, **{f"x{n}\u202e\n": n for n in range(50)}}).encode())
    assert len(caught.value.errors) == validation_errors.MOST_NAMED + 1
    assert caught.value.errors[-1]["says"] == "and 30 more errors"
    assert caught.value.errors[0]["field"] == "x0??"
    with pytest.raises(validation_errors.Refused) as caught:
        reader.read(json.dumps({**row, "y" * 10_000: 1}).encode())
    assert len(caught.value.errors[0]["field"]) == 64


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (800, True), (400, False)])
def test_a_person_gets_a_prediction_from_the_page(
    server: Server, tmp_path: Path, width: int, dark: bool, known: dict[str, bytes]
) -> None:
    if browser.FOUND is None:
        pytest.skip("no Chromium here")
    with browser.opened(tmp_path) as person:
        person.show(f"http://127.0.0.1:{server.port}/", width, dark=dark)
        assert person.ask("document.querySelector('h1').textContent") == "Will this flight be late?"
        labels = person.ask("[...document.querySelectorAll('label')].map(l => l.htmlFor)")
        assert labels == [*json.loads(known["schema.json"])["properties"]]
        person.ask("document.querySelector('#plane_age').value = ''")
        person.ask("document.querySelector('#origin').value = 'JFK'")
        person.press("button")
        assert re.fullmatch(
            r"(not )?late: \d+\.\d%", person.ask("document.querySelector('h2').textContent")
        )
        assert person.ask("document.querySelector('#origin').value") == "JFK"
        assert person.ask("document.querySelector('#plane_age').value") == ""
        assert person.ask("document.documentElement.scrollWidth") <= width
        person.ask("document.querySelector('form').noValidate = true")
        person.ask("document.querySelector('#weekday').value = '9'")
        person.press("button")
        content = person.ask("document.querySelector('[role=alert]').textContent")
        assert "weekday Input should be less than or equal to 6" in content
        assert person.said == []


def test_a_form_that_no_browser_would_send_is_refused_in_words(server: Server) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (
        b"",
        b"carrier=%3Cscript%3E",
        b"\xff\xfe",
        b"weekday=" + b"9" * 5000,
        b"a&" * 2000,
    ):
        status, content = server.ask("/", body, **kind)
        assert status == 200
        assert "Not answered" in content
        assert "<script" not in content


def test_a_fresh_environment_with_nothing_but_the_bundle_answers(
    quick: Path, tmp_path: Path, asked: list[dict[str, Any]], known: dict[str, bytes]
) -> None:
    shutil.copy(quick / BUNDLE, tmp_path / "bundle.tar")
    bake.run(tmp_path, "tar", "xf", "bundle.tar")
    bake.run(tmp_path, "uv", "venv", "--quiet", "--python", sys.executable, "env")
    python = str(tmp_path / "env/bin/python")
    words = ("uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--python", python)
    bake.run(tmp_path, *words, "-r", "requirements.txt")
    (tmp_path / "rows.csv").write_text(pd.DataFrame(asked).to_csv(index=False), "utf-8")
    env = {name: text for name, text in bake.environment().items() if name != "PYTHONPATH"}
    env |= {"VIRTUAL_ENV": ""}
    begin = [python, "-m", "headrace.serve", "bundle.tar"]
    with started(begin, tmp_path, env) as running:
        status, content = running.ask("/predict", asked)
    expected = [row[golden.PREDICTION] for row in json.loads(known["golden.json"])]
    assert status == 200
    assert [row["prediction"] for row in content["predictions"]] == expected
    score = (python, "-m", "headrace.score", "rows.csv", "out.csv", "--model", "bundle.tar")
    bake.run(tmp_path, *score, env=env)
    assert pd.read_csv(tmp_path / "out.csv")["prediction"].tolist() == expected


ISOLATED = """
import importlib.metadata, re, runpy, sys

pins = open("requirements.txt", encoding="utf-8").read()
pinned = {re.sub("[-_.]+", "-", name).lower() for name in re.findall(r"(?m)^([\\w.-]+)==", pins)}

def is_pinned(distribution):
    return re.sub("[-_.]+", "-", distribution).lower() in pinned

class Refuse:
    packages = importlib.metadata.packages_distributions()

    def find_spec(self, name, path=None, target=None):
        owners = self.packages.get(name.partition(".")[0], ())
        if owners and not any(map(is_pinned, owners)):
            raise ModuleNotFoundError(f"{name} is not among a bundle's requirements")

sys.meta_path.insert(0, Refuse())
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def test_a_bundle_is_served_and_scored_with_its_own_requirements_alone(
    quick: Path, tmp_path: Path, asked: list[dict[str, Any]], known: dict[str, bytes]
) -> None:
    shutil.copy(quick / BUNDLE, tmp_path / "bundle.tar")
    (tmp_path / "requirements.txt").write_bytes(known["requirements.txt"])
    pd.DataFrame(asked).to_csv(tmp_path / "rows.csv", index=False)
    env = {name: text for name, text in bake.environment().items() if name != "PYTHONPATH"}
    python = [sys.executable, "-P", "-c", ISOLATED]
    with started(
        [*python, "headrace.serve", "bundle.tar", "--log", "log"], tmp_path, env
    ) as running:
        assert running.ask("/predict", asked)[0] == 200
        assert running.ask("/readyz")[0] == 200
        assert running.ask("/")[0] == 200
        assert running.ask("/openapi.json")[0] == 200
        assert running.ask("/metrics")[0] == 200
    assert len(written(tmp_path / "log")) == len(asked)
    words = ("rows.csv", "out.csv", "--model", "bundle.tar")
    bake.run(tmp_path, *python, "headrace.score", *words, env=env)
    assert len(pd.read_csv(tmp_path / "out.csv")) == len(asked)
    refused = bake.run(tmp_path, *python, "dvc", check=False, env=env)
    assert "is not among a bundle's requirements" in refused.stdout


def test_the_registry_s_champion_is_served_whatever_lies_in_the_working_tree(
    copy: Path, asked: list[dict[str, Any]], known: dict[str, bytes]
) -> None:
    expected = [row[golden.PREDICTION] for row in json.loads(known["golden.json"])]
    bake.run(copy, "git", "config", "user.name", "Ann")
    bake.run(copy, "git", "config", "user.email", "ann@example.org")
    bake.run(copy, "headrace", "verify")
    bake.run(copy, "headrace", "register")
    for stage in ("dev", "staging", "prod"):
        words = ("promote", "v1.0.0", "--to", stage, "--yes", "--reason", "a test")
        bake.run(copy, "headrace", *words)
    (copy / BUNDLE).unlink()
    (copy / "src/study/model.py").write_text("raise RuntimeError\n", "utf-8")
    for source in ("model#prod", "model@v1.0.0"):
        with serving(copy, source) as running:
            status, content = running.ask("/predict", asked)
            assert (status, content["model"]) == (200, "model@v1.0.0")
            assert [row["prediction"] for row in content["predictions"]] == expected
            assert running.ask("/reload", {})[0] == 200
    wrong = bake.run(copy, "headrace", "serve", "model#pord", check=False)
    assert wrong.returncode == 1
    assert "Next: " in wrong.stdout
    assert "Traceback" not in wrong.stdout
    shutil.rmtree(copy / ".dvc/cache/files")
    lost = bake.run(copy, "headrace", "serve", "model#prod", check=False)
    assert "The bundle of model@v1.0.0 is not in DVC's cache. Next: dvc fetch" in lost.stdout


def impatient(setting: str, study: Path) -> AbstractContextManager[Server]:
    """Serve with one of its limits set so low that a test reaches it."""
    code = (
        "import sys; from headrace.serve import connections, middleware; "
        f"{setting}; from headrace.cli import main; sys.exit(main.main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "serve", "--no-log"]
    source = {"PYTHONPATH": str(study / "src")}
    return started(command, study, bake.environment(**source))


def test_a_head_that_does_not_come_is_not_waited_for(quick: Path) -> None:
    with impatient("connections.HEAD_SECONDS = 0.3", quick) as running:
        assert running.raw(b"GET /healthz HTT", whole=False) == b""
        again = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /hea"
        assert running.raw(again, whole=False).startswith(b"HTTP/1.1 200")
        assert running.ask("/healthz")[0] == 200


def test_a_body_that_does_not_come_is_not_waited_for(quick: Path) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n1"
    with impatient("middleware.BODY_SECONDS = 0.3", quick) as running:
        assert running.raw(head, whole=False).startswith(b"HTTP/1.1 408")
        assert running.ask("/healthz")[0] == 200


def healthy(sock: socket.socket) -> bytes:
    """Ask for health on a connection that is there, and return the whole answer."""
    sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    content = b""
    while not content.endswith(b"}") and (part := sock.recv(65_536)):
        content += part
    return content


OPENAPI = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"


def keep_asking(sock: socket.socket) -> None:
    """Send more requests than any buffer holds, and read no answer."""
    for _ in range(10_000):
        sock.sendall(OPENAPI * 1_000)


def test_who_does_not_read_the_answers_is_cut_off(quick: Path) -> None:
    with impatient("connections.READ_SECONDS = 0.3", quick) as running:
        address = ("127.0.0.1", running.port)
        with socket.create_connection(address, 60) as sock, pytest.raises(ConnectionError):
            keep_asking(sock)
        assert running.ask("/healthz")[0] == 200


def test_who_reads_slowly_gets_all_answers_one_after_the_other(server: Server) -> None:
    last = OPENAPI.replace(b"Host", b"Connection: close\r\nHost")
    with socket.socket() as sock:
        sock.settimeout(60)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", server.port))
        sock.sendall(OPENAPI * 299 + last)
        content = b"".join(iter(lambda: sock.recv(4096), b""))
    heads = re.findall(rb"HTTP/1\.1 200 OK\r\n(?:.+\r\n)+\r\n", content)
    assert len(heads) == 300
    lengths = {int(size) for size in re.findall(rb"content-length: (\d+)", content)}
    assert len(lengths) == 1
    assert len(content) == sum(map(len, heads)) + 300 * lengths.pop()


def test_one_connection_too_many_is_closed_and_the_others_are_heard(quick: Path) -> None:
    with impatient("connections.MAX_CONNECTIONS = 3", quick) as running, ExitStack() as there:
        address = ("127.0.0.1", running.port)
        few = [there.enter_context(socket.create_connection(address, 60)) for _ in range(3)]
        assert all(healthy(sock).startswith(b"HTTP/1.1 200") for sock in few)
        assert running.raw(b"", whole=False) == b""
        assert all(healthy(sock).startswith(b"HTTP/1.1 200") for sock in few)


def test_an_answer_that_takes_too_long_is_given_up(
    quick: Path, asked: list[dict[str, Any]]
) -> None:
    with impatient("middleware.ANSWER_SECONDS = 0.001", quick) as running:
        status, content = running.ask("/predict", asked * 50)
        assert (status, content["detail"][0]["reason"]) == (503, "too_slow")
        assert running.ask("/healthz")[0] in (200, 503)


def written(folder: Path) -> pd.DataFrame:
    """Return all rows that a server wrote down, and made tables of."""
    tables = [pd.read_parquet(table) for table in folder.glob("*.parquet")]
    return pd.concat(tables).sort_values("time", kind="stable")


def test_what_is_asked_and_answered_is_written_down_with_its_id(
    copy: Path, asked: list[dict[str, Any]]
) -> None:
    folder = copy / "data/served"
    with serving(copy, log=True) as running:
        first = running.ask("/predict", asked[:3])[1]
        second = running.ask("/predict", asked[3])[1]
        running.ask("/predict", {**asked[0], "x": 1})
    table = written(folder)
    assert [*folder.glob("*.jsonl")] == []
    assert list(zip(table["request"], table["row"], strict=True)) == [
        *((first["request"], number) for number in range(3)),
        (second["request"], 0),
    ]
    answers = [row["prediction"] for content in (first, second) for row in content["predictions"]]
    assert table["prediction"].tolist() == answers
    assert table["carrier"].tolist() == [row["carrier"] for row in asked[:4]]
    manifest = archive.unseal((copy / BUNDLE).read_bytes(), "bundle.tar")[archive.MANIFEST]
    assert set(table["model"]) == {f"bundle.tar {hashlib.sha256(manifest).hexdigest()[:8]}"}
    assert bake.run(copy, "git", "status", "--porcelain").stdout == ""


def test_nothing_that_was_answered_is_lost_when_the_server_is_killed(
    copy: Path, asked: list[dict[str, Any]]
) -> None:
    with serving(copy, log=True) as running:
        first = running.ask("/predict", asked[0])[1]["request"]
        running.process.kill()
    with serving(copy, log=True) as running:
        second = running.ask("/predict", asked[1])[1]["request"]
    assert written(copy / "data/served")["request"].tolist() == [first, second]


def test_params_yaml_says_what_is_written_down(copy: Path, asked: list[dict[str, Any]]) -> None:
    sandbox.set_parameters(copy / "params.yaml", {"serve.log_never": ["carrier", "dest"]})
    with serving(copy, log=True) as running:
        running.ask("/predict", asked[0])
    assert not {"carrier", "dest"} & {*written(copy / "data/served").columns}
    shutil.rmtree(copy / "data/served")
    sandbox.set_parameters(copy / "params.yaml", {"serve.log": False})
    with serving(copy, log=True) as running:
        running.ask("/predict", asked[0])
    assert not (copy / "data/served").exists()


def test_a_disk_that_fails_stops_no_answer(
    quick: Path, tmp_path: Path, asked: list[dict[str, Any]]
) -> None:
    folder = tmp_path / "log"
    with serving(quick, "--log", str(folder)) as running:
        shutil.rmtree(folder)
        assert running.ask("/predict", asked[0])[0] == 200
    (tmp_path / "file").write_text("", "utf-8")
    result = bake.run(quick, "headrace", "serve", "--log", str(tmp_path / "file"), check=False)
    assert result.returncode == 1
    assert "cannot hold the log of predictions" in result.stdout


def test_nothing_is_left_where_a_server_was(quick: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(quick, tmp_path / "study"))
    before = bake.run(study, "git", "status", "--porcelain").stdout
    with serving(study) as running:
        running.ask("/healthz")
    assert bake.run(study, "git", "status", "--porcelain").stdout == before
