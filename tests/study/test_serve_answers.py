"""A served bundle answers rows over HTTP as the model does, or says why it does not."""

import hashlib
import json
import re
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import BUNDLE, Server, memory_mib, read_log_tables, read_metrics, serve, start_server

from headrace.bundle import archive, golden
from headrace.serve import tokens
from lab import bake


@pytest.fixture(scope="module")
def server(quick: Path) -> Iterator[Server]:
    """A server on the quick study's bundle."""
    with serve(quick) as server:
        yield server


def test_one_row_and_many_get_the_predictions_of_the_model(
    server: Server, input_rows: list[dict[str, Any]], bundle_files: dict[str, bytes]
) -> None:
    expected = [row[golden.PREDICTION] for row in json.loads(bundle_files["golden.json"])]
    threshold = json.loads(bundle_files["facts.json"])["threshold"]
    status, content = server.request("/predict", input_rows)
    assert status == 200
    assert [row["prediction"] for row in content["predictions"]] == expected
    assert [row["positive"] for row in content["predictions"]] == [p >= threshold for p in expected]
    for row, answer in zip(input_rows[:5], expected, strict=False):
        assert server.request("/predict", row)[1]["predictions"][0]["prediction"] == answer


def test_concurrent_requests_get_their_own_predictions(
    server: Server, input_rows: list[dict[str, Any]], bundle_files: dict[str, bytes]
) -> None:
    expected = [row[golden.PREDICTION] for row in json.loads(bundle_files["golden.json"])]

    def ask(number: int) -> list[float]:
        part = input_rows[number % 97 : number % 97 + 1 + number % 3]
        status, content = server.request("/predict", part)
        assert status == 200
        return [row["prediction"] for row in content["predictions"]]

    with ThreadPoolExecutor(16) as clients:
        answers = [*clients.map(ask, range(400))]
    for number, answer in enumerate(answers):
        assert answer == expected[number % 97 : number % 97 + 1 + number % 3]


def test_a_thousand_rows_are_answered_in_their_order(
    server: Server, input_rows: list[dict[str, Any]]
) -> None:
    status, content = server.request("/predict", input_rows * 10)
    assert status == 200
    answers = [row["prediction"] for row in content["predictions"]]
    assert answers == answers[: len(input_rows)] * 10


INVALID: dict[str, tuple[dict[str, Any], str, str]] = {
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


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_row_is_refused_with_field_and_reason(
    server: Server, input_rows: list[dict[str, Any]], name: str
) -> None:
    change, field, reason = INVALID[name]
    for body, place in (
        ({**input_rows[0], **change}, field),
        ([input_rows[0], {**input_rows[0], **change}], None),
    ):
        status, content = server.request("/predict", body)
        assert status == 422
        (error,) = content["detail"]
        assert error["field"] == (place or f"1.{field}")
        assert reason in error["reason"]
        assert "red" not in json.dumps(content)
        assert "xxx" not in json.dumps(content)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_nan_and_infinity_are_refused(
    server: Server, input_rows: list[dict[str, Any]], number: str
) -> None:
    body = json.dumps({**input_rows[0], "temp": "HERE"}).replace('"HERE"', number).encode()
    status, content = server.request("/predict", body)
    assert status == 422
    assert content["detail"][0]["field"] in ("temp", "")
    if number == "NaN":
        assert content["detail"][0]["says"].endswith("a missing value is null")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"3", b'"x"', b"[[]]", b"\xff\xfe", b"\x00", b"[" * 50_000]
)
def test_a_body_without_a_row_is_refused(server: Server, body: bytes) -> None:
    status, content = server.request("/predict", body)
    assert status == 422
    assert content["detail"]


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
def test_five_thousand_mutated_rows_are_answered_or_refused_and_memory_stays(
    quick: Path, input_rows: list[dict[str, Any]]
) -> None:
    names = [*input_rows[0], "more"]
    with serve(quick) as server:

        @settings(max_examples=5_000, deadline=None, suppress_health_check=[*HealthCheck])
        @given(st.dictionaries(st.sampled_from(names), ANYTHING, min_size=1, max_size=4))
        def spoil(change: dict[str, Any]) -> None:
            status, content = server.request("/predict", {**input_rows[0], **change})
            assert status in (200, 422), content
            assert status == 200 or all(error["says"] for error in content["detail"])

        for _ in range(200):
            server.request("/predict", input_rows[0])
        before = memory_mib(server.process, "VmRSS")
        spoil()
        assert memory_mib(server.process, "VmRSS") < before + 32
        assert server.request("/readyz")[0] == 200


@pytest.mark.long
def test_the_server_conforms_to_its_openapi_document(quick: Path, tmp_path: Path) -> None:
    secret, line = tokens.create_token("ci", ["predict", "metrics", "admin"])
    (tmp_path / "tokens").write_text(line + "\n", "utf-8")
    with serve(quick, "--tokens", str(tmp_path / "tokens")) as server:
        command = ["st", "run", f"http://127.0.0.1:{server.port}/openapi.json", "--checks", "all"]
        command += ["--header", f"Authorization: Bearer {secret}", "--max-examples", "1500"]
        content = bake.run(tmp_path, *command, "--continue-on-failure", "--seed", "1").stdout
    counts = re.search(r"(\d+) generated, (\d+) passed", content)
    assert counts, content
    assert int(counts[1]) == int(counts[2]) > 1500


def test_health_readiness_and_version_name_the_served_bundle(
    server: Server, bundle_files: dict[str, bytes]
) -> None:
    assert server.request("/healthz") == (200, {"status": "ok"})
    assert server.request("/readyz") == (200, {"status": "ready", "golden_rows": 100})
    status, content = server.request("/version")
    assert status == 200
    assert content["manifest_sha256"] == hashlib.sha256(bundle_files[archive.MANIFEST]).hexdigest()
    assert content["files"] == json.loads(bundle_files[archive.MANIFEST])["files"]


def test_a_whole_number_may_be_written_with_a_point(
    server: Server, input_rows: list[dict[str, Any]]
) -> None:
    pointed = {name: float(v) if type(v) is int else v for name, v in input_rows[0].items()}
    assert json.dumps(pointed) != json.dumps(input_rows[0])
    expected = server.request("/predict", input_rows[0])[1]["predictions"]
    status, content = server.request("/predict", [pointed, input_rows[0]])
    assert (status, content["predictions"]) == (200, expected * 2)
    integer = next(name for name, v in input_rows[0].items() if type(v) is int)
    status, content = server.request("/predict", {**pointed, integer: input_rows[0][integer] + 0.5})
    assert (status, content["detail"][0]["field"]) == (422, integer)


def test_refused_rows_are_counted_by_reason_as_far_as_they_were_read(
    quick: Path, input_rows: list[dict[str, Any]]
) -> None:
    strange = {**input_rows[0], **{f"x{number}": 0 for number in range(15)}}
    with serve(quick) as server:
        assert (
            server.request("/predict", [strange, *input_rows[:3], strange, strange, strange])[0]
            == 422
        )
        assert server.request("/predict", [input_rows[0], {**strange, "weekday": 9}])[0] == 422
        assert server.request("/predict", b"[]")[0] == 422
        assert server.request("/predict", input_rows[0], **{"Content-Type": "text/plain"})[0] == 415
        metrics = read_metrics(server)
    totals = ("headrace_refused_total", "headrace_refused_rows_total")
    assert {name: value for name, value in metrics.items() if name[0] in totals} == {
        ("headrace_refused_total", "extra_forbidden"): 2,
        ("headrace_refused_total", "less_than_equal"): 1,
        ("headrace_refused_total", "no_rows"): 1,
        ("headrace_refused_total", "not_json"): 1,
        ("headrace_refused_rows_total", "extra_forbidden"): 3,
        ("headrace_refused_rows_total", "less_than_equal"): 1,
    }


def test_metrics_count_requests_rows_predictions_and_refusals(
    quick: Path, input_rows: list[dict[str, Any]]
) -> None:
    with serve(quick) as server:
        server.request("/predict", input_rows[:7])
        server.request("/predict", {**input_rows[0], "x": 1})
        metrics = read_metrics(server)
    assert metrics[("headrace_rows_total",)] == 7
    tenths = [value for name, value in metrics.items() if name[0] == "headrace_predictions_total"]
    assert sum(tenths) == 7
    assert metrics[("headrace_requests_total", "/predict", "200")] == 1
    assert metrics[("headrace_requests_total", "/predict", "422")] == 1
    assert metrics[("headrace_refused_total", "extra_forbidden")] == 1
    assert metrics[("headrace_request_seconds_count", "/predict")] == 2


def test_the_schema_is_in_openapi_with_meanings_units_ranges_and_an_example(
    server: Server, bundle_files: dict[str, bytes]
) -> None:
    description = server.request("/openapi.json")[1]["paths"]["/predict"]["post"]
    body = description["requestBody"]["content"]["application/json"]["schema"]
    row = body["oneOf"][0]
    contract = json.loads(bundle_files["schema.json"])["properties"]
    assert row["properties"].keys() == contract.keys()
    assert row["properties"]["distance"]["description"] == contract["distance"]["description"]
    assert row["properties"]["distance"]["x-unit"] == "mi"
    assert row["properties"]["distance"]["maximum"] == 6000
    assert row["additionalProperties"] is False
    status, _ = server.request("/predict", row["example"])
    assert status == 200
    assert {"200", "401", "413", "415", "422"} <= description["responses"].keys()


def test_only_json_media_types_are_read(server: Server, input_rows: list[dict[str, Any]]) -> None:
    kinds = {"application/json": 200, "Application/JSON; charset=utf-8": 200, "": 415}
    kinds |= {"application/problem+json": 200, "text/plain; charset=json": 415}
    kinds |= {"application/x-www-form-urlencoded; a=+json": 415, "text/json": 415}
    for kind, status in kinds.items():
        assert server.request("/predict", input_rows[0], **{"Content-Type": kind})[0] == status, (
            kind
        )


def test_a_fresh_environment_with_nothing_but_the_bundle_answers(
    quick: Path, tmp_path: Path, input_rows: list[dict[str, Any]], bundle_files: dict[str, bytes]
) -> None:
    shutil.copy(quick / BUNDLE, tmp_path / "bundle.tar")
    bake.run(tmp_path, "tar", "xf", "bundle.tar")
    bake.run(tmp_path, "uv", "venv", "--quiet", "--python", sys.executable, "env")
    python = str(tmp_path / "env/bin/python")
    words = ("uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--python", python)
    bake.run(tmp_path, *words, "-r", "requirements.txt")
    (tmp_path / "rows.csv").write_text(pd.DataFrame(input_rows).to_csv(index=False), "utf-8")
    env = {name: text for name, text in bake.environment().items() if name != "PYTHONPATH"}
    env |= {"VIRTUAL_ENV": ""}
    begin = [python, "-m", "headrace.serve", "bundle.tar"]
    with start_server(begin, tmp_path, env) as server:
        status, content = server.request("/predict", input_rows)
    expected = [row[golden.PREDICTION] for row in json.loads(bundle_files["golden.json"])]
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
    quick: Path, tmp_path: Path, input_rows: list[dict[str, Any]], bundle_files: dict[str, bytes]
) -> None:
    shutil.copy(quick / BUNDLE, tmp_path / "bundle.tar")
    (tmp_path / "requirements.txt").write_bytes(bundle_files["requirements.txt"])
    pd.DataFrame(input_rows).to_csv(tmp_path / "rows.csv", index=False)
    env = {name: text for name, text in bake.environment().items() if name != "PYTHONPATH"}
    python = [sys.executable, "-P", "-c", ISOLATED]
    with start_server(
        [*python, "headrace.serve", "bundle.tar", "--log", "log"], tmp_path, env
    ) as server:
        assert server.request("/predict", input_rows)[0] == 200
        assert server.request("/readyz")[0] == 200
        assert server.request("/")[0] == 200
        assert server.request("/openapi.json")[0] == 200
        assert server.request("/metrics")[0] == 200
    assert len(read_log_tables(tmp_path / "log")) == len(input_rows)
    words = ("rows.csv", "out.csv", "--model", "bundle.tar")
    bake.run(tmp_path, *python, "headrace.score", *words, env=env)
    assert len(pd.read_csv(tmp_path / "out.csv")) == len(input_rows)
    line = bake.run(tmp_path, *python, "headrace.serve.tokens", "ada", env=env).stdout
    assert "ada predict " in line
    headrace = bake.run(tmp_path, *python, "headrace", "--help", check=False, env=env)
    assert (headrace.returncode, headrace.stdout.count("\n")) == (1, 1)
    assert "is not installed: here is only what a bundle's own requirements bring. Next: " in (
        headrace.stdout
    )
    refused = bake.run(tmp_path, *python, "dvc", check=False, env=env)
    assert "is not among a bundle's requirements" in refused.stdout
