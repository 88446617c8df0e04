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


def test_an_image_s_folder_holds_the_bundle_its_code_and_what_it_needs(copy: Path) -> None:
    output = bake.run(copy, "headrace", "image").stdout
    step = "podman build --file deploy/app/Containerfile --tag model deploy"
    assert output == f"deploy/app holds bundle.tar. Next: {step}\n"
    files = archive.unseal((copy / BUNDLE).read_bytes(), "b")
    made = {path.relative_to(copy / APP).as_posix() for path in (copy / APP).rglob("*.*")}
    (wheel,) = (name for name in files if name.startswith("vendor/"))
    assert made == {"bundle.tar", "requirements.txt", "card.html", "card.md", wheel}
    recipe = (copy / APP / "Containerfile").read_text("utf-8")
    python = json.loads(files[archive.MANIFEST])["environment"]["python"]
    assert f"/python:{python}-slim-bookworm\n" in recipe
    assert (copy / APP / "bundle.tar").read_bytes() == (copy / BUNDLE).read_bytes()
    assert bake.run(copy, "git", "status", "--porcelain").stdout == ""


@pytest.mark.parametrize(
    ("line", "made"),
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
def test_an_image_has_the_python_of_its_bundle_and_a_base_of_one_s_own_stays(
    tmp_path: Path, line: str, made: str
) -> None:
    bundle = tmp_path / "bundle.tar"
    known = {"headrace_bundle": 1, "environment": {"python": "3.13"}}
    bundle.write_bytes(archive.seal({"card.md": b"# A\n"}, known))
    image._write_app(bundle, tmp_path / "app", f"ARG BASE={line}\nFROM x\n")
    recipe = (tmp_path / "app/Containerfile").read_text("utf-8")
    assert recipe == f"ARG BASE={made}\nFROM x\n"


def test_a_bundle_that_is_refused_leaves_the_folder_as_it_was(copy: Path) -> None:
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


def test_the_image_is_pinned_has_no_root_and_asks_after_its_health() -> None:
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


def test_only_a_version_that_was_promoted_to_prod_becomes_an_image() -> None:
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
    told = [step["name"] for step in job["steps"] if "github.token" in str(step)]
    assert told == [last["name"]]
    assert any('headrace image "$TAG"' in run for run in runs)
    assert any("--file deploy/app/Containerfile" in run for run in runs)
    assert runs.index("make setup") < next(i for i, run in enumerate(runs) if "audit" in run)
    assert next(i for i, run in enumerate(runs) if "audit" in run) < next(
        i for i, run in enumerate(runs) if "docker build" in run
    )


@pytest.mark.long
def test_a_machine_without_a_network_installs_from_the_wheelhouse_and_answers(copy: Path) -> None:
    output = bake.run(copy, "headrace", "wheelhouse").stdout
    assert "deploy/wheelhouse holds" in output
    there = copy / "deploy"
    bake.run(there, sys.executable, "-m", "venv", "env")
    words = ("env/bin/pip", "install", "--no-index", "--find-links", "wheelhouse")
    more = ("--no-deps", "--require-hashes", "-r", "app/requirements.txt")
    bake.run(there, *words, *more, env=bake.environment(PIP_INDEX_URL="http://127.0.0.1:9"))
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
    answered = subprocess.run(
        command, cwd=there, env=env, input=json.dumps(rows), text=True, capture_output=True
    )
    assert json.loads(answered.stdout) == expected, answered.stderr
