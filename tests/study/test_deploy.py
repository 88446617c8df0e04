"""What an image holds is a bundle that was checked, what it needs, and nothing else."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from headrace.bundle import archive, golden
from headrace.serve import image
from lab import bake, paths

BUNDLE, APP = "models/bundle.tar", "deploy/app"


def test_the_folder_of_an_image_holds_the_bundle_and_its_requirements(copy: Path) -> None:
    output = bake.run(copy, "headrace", "image").stdout
    step = "podman build --file deploy/app/Containerfile --tag model deploy"
    assert output == f"deploy/app holds bundle.tar. Next: {step}\n"
    files = archive.unseal((copy / BUNDLE).read_bytes(), "b")
    names = {path.relative_to(copy / APP).as_posix() for path in (copy / APP).rglob("*.*")}
    (wheel,) = (name for name in files if name.startswith("vendor/"))
    assert names == {"bundle.tar", "requirements.txt", "card.html", "card.md", wheel}
    recipe = (copy / APP / "Containerfile").read_text("utf-8")
    python = json.loads(files[archive.MANIFEST])["environment"]["python"]
    assert f"/python:{python}-slim-bookworm\n" in recipe
    assert (copy / APP / "bundle.tar").read_bytes() == (copy / BUNDLE).read_bytes()
    assert bake.run(copy, "git", "status", "--porcelain").stdout == ""


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        (
            "docker.io/library/python:3.11-slim-bookworm",
            "docker.io/library/python:3.13-slim-bookworm",
        ),
        ("ghcr.io/us/python:3.11", "ghcr.io/us/python:3.13"),
        (
            "docker.io/library/python:3.11-slim@sha256:0",
            "docker.io/library/python:3.11-slim@sha256:0",
        ),
        ("ghcr.io/us/ours:7", "ghcr.io/us/ours:7"),
    ],
)
def test_an_image_has_the_python_of_its_bundle_unless_the_base_has_a_digest(
    tmp_path: Path, base: str, expected: str
) -> None:
    bundle = tmp_path / "bundle.tar"
    manifest = {"headrace_bundle": 1, "environment": {"python": "3.13"}}
    bundle.write_bytes(archive.seal({"card.md": b"# A\n"}, manifest))
    image._write_app(bundle, tmp_path / "app", f"ARG BASE={base}\nFROM x\n")
    recipe = (tmp_path / "app/Containerfile").read_text("utf-8")
    assert recipe == f"ARG BASE={expected}\nFROM x\n"


def test_a_refused_bundle_leaves_the_folder_unchanged(copy: Path) -> None:
    bake.run(copy, "headrace", "image")
    before = (copy / APP / "bundle.tar").read_bytes()
    (copy / BUNDLE).write_bytes(before[:-1])
    result = bake.run(copy, "headrace", "image", check=False)
    assert result.returncode == 1
    assert "bundle.tar is refused" in result.stdout
    assert (copy / APP / "bundle.tar").read_bytes() == before
    assert sorted(path.name for path in (copy / "deploy").iterdir()) == [
        ".gitignore",
        "Containerfile",
        "app",
    ]


def test_the_image_is_pinned_without_root_and_has_a_health_check() -> None:
    text = (paths.study / "deploy/Containerfile").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert re.search(r"^ARG BASE=\S+/python:3\.11-slim-bookworm$", text, re.M)
    assert "latest" not in text
    assert "--require-hashes" in text
    assert lines.index("USER 10001:10001") < next(
        place for place, line in enumerate(lines) if line.startswith("ENTRYPOINT")
    )
    assert any(line.startswith("HEALTHCHECK") and "/healthz" in line for line in lines)
    entry = json.loads(text.split("ENTRYPOINT ")[1].splitlines()[0])
    assert entry[1:4] == ["-m", "headrace.serve", "/app/bundle.tar"]
    assert json.loads(text.split("CMD [")[-1].join(["[", ""]))[0] == "--tokens"
    copied = re.findall(r"^COPY (?:--from=build )?(\S+)", text, re.M)
    assert copied == ["app/requirements.txt", "app/vendor", "/app/env", "app/bundle.tar"]


def test_only_a_version_in_prod_becomes_an_image() -> None:
    text = (paths.study / ".github/workflows/release.yml").read_text("utf-8")
    content = yaml.safe_load(text)
    assert content[True] == {"push": {"tags": ["*#prod#*"]}}  # YAML takes `on` for a truth
    job = content["jobs"]["image"]
    assert job["environment"] == "production"
    runs = [step["run"] for step in job["steps"] if "run" in step]
    assert content["permissions"] == {}
    assert job["permissions"] == {"contents": "read", "packages": "write"}
    last = job["steps"][-1]
    assert last["if"] == "vars.IMAGE != ''"
    assert "--password-stdin" in last["run"]
    with_token = [step["name"] for step in job["steps"] if "github.token" in str(step)]
    assert with_token == [last["name"]]
    assert any('headrace image "$TAG"' in run for run in runs)
    assert any("--file deploy/app/Containerfile" in run for run in runs)
    assert runs.index("make setup") < next(i for i, run in enumerate(runs) if "audit" in run)
    assert next(i for i, run in enumerate(runs) if "audit" in run) < next(
        i for i, run in enumerate(runs) if "docker build" in run
    )


@pytest.mark.long
def test_a_wheelhouse_installs_without_a_network_and_serves(copy: Path) -> None:
    output = bake.run(copy, "headrace", "wheelhouse").stdout
    assert "deploy/wheelhouse holds" in output
    assert "Next, on a machine without a network: cd deploy && python -m venv env" in output
    folder = copy / "deploy"
    bake.run(folder, sys.executable, "-m", "venv", "env")
    words = ("env/bin/pip", "install", "--no-index", "--find-links", "wheelhouse")
    options = ("--no-deps", "--require-hashes", "-r", "app/requirements.txt")
    bake.run(folder, *words, *options, env=bake.environment(PIP_INDEX_URL="http://127.0.0.1:9"))
    files = archive.unseal((copy / BUNDLE).read_bytes(), "b")
    rows = json.loads(files["golden.json"])
    expected = [row.pop(golden.PREDICTION) for row in rows]
    code = (
        "import json, sys; from pathlib import Path; from headrace.bundle import golden, load; "
        "bundle = load.load(Path('app/bundle.tar')); rows = json.load(sys.stdin); "
        "print(json.dumps(bundle.predict(golden.frame(rows, bundle.schema)).tolist()))"
    )
    env = {name: text for name, text in bake.environment().items() if name != "PYTHONPATH"}
    command = ["env/bin/python", "-c", code]
    process = subprocess.run(
        command, cwd=folder, env=env, input=json.dumps(rows), text=True, capture_output=True
    )
    assert json.loads(process.stdout) == expected, process.stderr
