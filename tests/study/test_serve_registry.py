"""The server serves intact bundles alone, from a file or the registry, and replaces them."""

import json
import os
import shutil
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from servers import BUNDLE, read_metrics, serve

from headrace.bundle import archive, golden
from lab import bake


def test_a_changed_bundle_is_not_served(copy: Path) -> None:
    path = copy / BUNDLE
    content = bytearray(path.read_bytes())
    content[3000] ^= 1
    path.write_bytes(bytes(content))
    result = bake.run(copy, "headrace", "serve", "--port", "0", check=False)
    assert result.returncode == 1
    assert "bundle.tar is refused: " in result.stdout
    assert "Traceback" not in result.stdout


def changed_bundle(copy: Path) -> bytes:
    """Return another bundle of the same study, with another threshold and another limit."""
    files = archive.unseal((copy / BUNDLE).read_bytes(), "b")
    manifest = json.loads(files.pop(archive.MANIFEST))
    del manifest["files"], files[archive.SEAL]
    facts = {**json.loads(files["facts.json"]), "threshold": 0.999}
    schema = json.loads(files["schema.json"])
    schema["properties"]["distance"]["maximum"] = 7000
    parts = {"facts.json": facts, "schema.json": schema}
    return archive.seal(
        {**files, **{name: json.dumps(value).encode() for name, value in parts.items()}}, manifest
    )


@pytest.mark.parametrize("way", ["/reload", "SIGHUP"])
def test_a_new_bundle_takes_over_with_no_request_failing(
    copy: Path, input_rows: list[dict[str, Any]], way: str
) -> None:
    statuses: list[int] = []
    ended = threading.Event()

    def load() -> None:
        while not ended.is_set():
            statuses.append(server.request("/predict", input_rows[0])[0])

    with serve(copy) as server:
        before = server.request("/version")[1]["manifest_sha256"]
        clients = [threading.Thread(target=load) for _ in range(3)]
        for client in clients:
            client.start()
        new = copy / "new.tar"
        new.write_bytes(changed_bundle(copy))
        new.replace(copy / BUNDLE)
        if way == "/reload":
            assert server.request("/reload", {})[0] == 200
        else:
            os.kill(server.process.pid, signal.SIGHUP)
            assert server.process.stdout is not None
            assert "bundle.tar has taken over" in server.process.stdout.readline()
        after = server.request("/version")[1]["manifest_sha256"]
        assert read_metrics(server)[("headrace_reloads_total", "taken over")] == 1
        description = server.request("/openapi.json")[1]["paths"]["/predict"]["post"]["requestBody"]
        row = description["content"]["application/json"]["schema"]["oneOf"][0]
        assert row["properties"]["distance"]["maximum"] == 7000
        for _ in range(20):
            statuses.append(server.request("/predict", input_rows[0])[0])
        ended.set()
        for client in clients:
            client.join()
    assert after != before
    assert len(statuses) > 30
    assert set(statuses) == {200}


def test_a_broken_bundle_does_not_take_over(copy: Path, input_rows: list[dict[str, Any]]) -> None:
    with serve(copy) as server:
        (copy / BUNDLE).write_bytes(b"broken")
        status, content = server.request("/reload", {})
        assert status == 409
        assert "bundle.tar is refused" in content["problem"]
        assert server.request("/predict", input_rows[0])[0] == 200
        assert 'headrace_reloads_total{result="refused"} 1.0' in server.request("/metrics")[1]


def test_the_registry_s_champion_is_served_whatever_the_working_tree_holds(
    verified: Path,
    tmp_path: Path,
    input_rows: list[dict[str, Any]],
    bundle_files: dict[str, bytes],
) -> None:
    study = Path(shutil.copytree(verified, tmp_path / "study"))
    expected = [row[golden.PREDICTION] for row in json.loads(bundle_files["golden.json"])]
    bake.run(study, "git", "config", "user.name", "Ann")
    bake.run(study, "git", "config", "user.email", "ann@example.org")
    bake.run(study, "headrace", "register")
    for stage in ("dev", "staging", "prod"):
        words = ("promote", "v1.0.0", "--to", stage, "--yes", "--reason", "a test")
        bake.run(study, "headrace", *words)
    (study / BUNDLE).unlink()
    (study / "src/study/model.py").write_text("raise RuntimeError\n", "utf-8")
    for source in ("model#prod", "model@v1.0.0"):
        with serve(study, source) as server:
            status, content = server.request("/predict", input_rows)
            assert (status, content["model"]) == (200, "model@v1.0.0")
            assert [row["prediction"] for row in content["predictions"]] == expected
            assert server.request("/reload", {})[0] == 200
    misspelt = bake.run(study, "headrace", "serve", "model#pord", check=False)
    assert misspelt.returncode == 1
    assert "Next: " in misspelt.stdout
    assert "Traceback" not in misspelt.stdout
    shutil.rmtree(study / ".dvc/cache/files")
    uncached = bake.run(study, "headrace", "serve", "model#prod", check=False)
    assert "The bundle of model@v1.0.0 is not in DVC's cache. Next: dvc fetch" in uncached.stdout
