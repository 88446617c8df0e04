"""The registry reads tags as gto does."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import gto.constants
import pytest
from gto import api
from gto.tag import parse_name
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.core.git import Objects
from headrace.errors import ProjectError
from headrace.registry import events, resolve, stage_state, tags
from headrace.registry.tags import Kind, Name, Version
from lab import bake

COMMITS = 5
WORDS = st.text("av0123456789.#@!=:/-_ \n", max_size=12)
NAMES = st.one_of(
    WORDS,
    st.builds("{}{}{}{}".format, WORDS, st.sampled_from("@#"), WORDS, WORDS),
    st.from_regex(gto.constants.tag_re),
)
STAGES = ("dev", "prod")


@settings(max_examples=500, deadline=None)
@given(NAMES)
def test_a_tag_name_is_parsed_as_gto_does(name: str) -> None:
    if name.endswith("\n") or not name.isascii():  # no tag is called so
        return
    expected, parsed = parse_name(name, raise_on_fail=False), tags.parse(name)
    if "action" not in expected:  # gto itself stumbles over `@created`
        assert parsed is None
        return
    assert parsed is not None
    assert (parsed.artifact, parsed.kind) == (expected["name"], expected["action"].value)
    assert (parsed.version or None, parsed.stage or None) == (
        expected.get("version"),
        expected.get("stage"),
    )
    assert parsed.counter == expected.get("counter")
    if str(parsed.counter or "") in name:  # not #007
        assert tags.parse(str(parsed)) == parsed


@pytest.mark.parametrize(
    "listed",
    [
        "v1.0.0-alpha v1.0.0-alpha.1 v1.0.0-alpha.beta v1.0.0-beta v1.0.0-beta.2 v1.0.0-beta.11"
        " v1.0.0-rc.1 v1.0.0 v1.0.1 v1.2.0 v1.10.0 v2.0.0"
    ],
)
def test_versions_are_in_the_order_of_semver(listed: str) -> None:
    versions = [tags.version(one) for one in listed.split()]
    valid = [one for one in versions if one is not None]
    mixed = [*valid[6:], *valid[:6]]
    assert sorted(mixed) == valid
    assert [str(one) for one in valid] == listed.split()


def test_a_bump_raises_one_part_of_a_version() -> None:
    parts = ("major", "minor", "patch")
    assert [str(Version(1, 2, 3).bump(part)) for part in parts] == ["v2.0.0", "v1.3.0", "v1.2.4"]
    assert str(Version(1, 2, 3, "rc.1").bump("patch")) == "v1.2.3"


STEP = st.tuples(
    st.sampled_from(["register", "assign", "assign", "assign", "unassign", "deregister"]),
    st.integers(0, COMMITS - 1),
    st.sampled_from(STAGES),
    st.integers(0, 2),
)
HISTORIES = st.lists(STEP, max_size=25)


def repository(root: Path) -> list[str]:
    """Make a repository of a few commits."""
    root.mkdir()
    bake.run(root, "git", "init", "--quiet", "--initial-branch=main")
    stream = b"".join(
        b"commit refs/heads/main\ncommitter A <a@example.org> %d +0000\ndata 1\nx\n" % (1000 + at)
        for at in range(COMMITS)
    )
    subprocess.run(["git", "fast-import", "--quiet"], cwd=root, input=stream, check=True)
    return bake.run(root, "git", "rev-list", "--reverse", "main").stdout.split()


@pytest.fixture(scope="module")
def commits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    root = tmp_path_factory.mktemp("gto") / "repository"
    return root, repository(root)


def tags_of(steps: list[tuple[str, int, str, int]]) -> Iterator[tuple[str, int, int]]:
    """Yield the tag, the commit and the second of each step; what is assigned is registered."""
    time, counter, registered = 2000, 0, set[int]()
    for action, at, stage, later in steps:
        time += later  # often none: then many events fall into one second
        version = f"v1.{at}.0"
        if action in ("unassign", "deregister", "assign") and at not in registered:
            continue
        if action == "register" and at not in registered:
            registered.add(at)
            yield f"model@{version}", at, time
            continue
        counter += 1
        suffixes = {"register": f"@{version}", "deregister": f"@{version}!"}
        suffixes |= {"assign": f"#{stage}", "unassign": f"#{stage}!"}
        yield f"model{suffixes[action]}#{counter}", at, time


def write(root: Path, commits: list[str], steps: list[tuple[str, int, str, int]]) -> None:
    """Leave the repository with the tags of these steps and no others."""
    for old in bake.run(root, "git", "tag", "--list").stdout.splitlines():
        (root / ".git/refs/tags" / old).unlink()
    stream = b"".join(
        b"tag %s\nfrom %s\ntagger A <a@example.org> %d +0000\ndata 1\nx\n"
        % (tag.encode(), commits[at].encode(), time)
        for tag, at, time in tags_of(steps)
    )
    subprocess.run(["git", "fast-import", "--quiet"], cwd=root, input=stream, check=True)


def champions_of_headrace(root: Path) -> dict[str, str]:
    """Return the version in each stage by our reader."""
    with Objects(root) as objects:
        state = stage_state.replay(events.read_events(root, objects))
    champions = {stage: state.champion(stage) for stage in state.stages}
    return {stage: version for stage, version in champions.items() if version}


def champions_of_gto(root: Path) -> dict[str, str]:
    """Return the version in each stage by gto."""
    artifacts = api.show(str(root))
    assert isinstance(artifacts, dict)
    stages = artifacts["model"]["stage"] if "model" in artifacts else {}
    return {stage: version for stage, version in stages.items() if version}


def check_champions(
    repository_: tuple[Path, list[str]], steps: list[tuple[str, int, str, int]]
) -> None:
    root, commits = repository_
    write(root, commits, steps)
    assert champions_of_headrace(root) == champions_of_gto(root)


CALM = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=40, deadline=None, suppress_health_check=CALM)
@given(steps=HISTORIES)
def test_a_stage_holds_what_gto_shows(
    commits: tuple[Path, list[str]], steps: list[tuple[str, int, str, int]]
) -> None:
    check_champions(commits, steps)


@pytest.mark.long
@settings(max_examples=1500, deadline=None, suppress_health_check=CALM)
@given(steps=HISTORIES)
def test_a_stage_holds_what_gto_shows_of_many_histories(
    commits: tuple[Path, list[str]], steps: list[tuple[str, int, str, int]]
) -> None:
    check_champions(commits, steps)


def test_tags_made_by_gto_are_read_as_gto_reads_them(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    hashes = repository(root)
    for name in ("user.name=A", "user.email=a@example.org"):
        bake.run(root, "git", "config", *name.split("="))
    for at in range(3):
        api.register(str(root), "model", hashes[at], f"v1.{at}.0")
        api.assign(str(root), "model", "prod", f"v1.{at}.0")
    assert champions_of_headrace(root) == champions_of_gto(root)
    api.unassign(str(root), "model", version="v1.2.0", stage="prod")
    assert champions_of_headrace(root) == champions_of_gto(root)
    api.deregister(str(root), "model", version="v1.1.0")
    assert champions_of_headrace(root) == champions_of_gto(root)
    assert set(champions_of_headrace(root).values()) == {"v1.0.0"}
    api.deprecate(str(root), "model")
    with Objects(root) as objects:
        assert stage_state.replay(events.read_events(root, objects)).deprecated


def test_a_lightweight_tag_is_ignored(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    repository(root)
    bake.run(root, "git", "tag", "model@v1.0.0")
    bake.run(root, "git", "tag", "model#prod#1")
    with Objects(root) as objects:
        (first, second) = events.read_events(root, objects)
    assert (first.annotated, second.annotated) == (False, False)
    assert champions_of_headrace(root) == {}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("model", "is not a version"),
        ("modle@v1.0.0", "Did you mean model?"),
        ("model@v1.9.0", "Did you mean v1.0.0?"),
        ("model#prdo", "Did you mean prod?"),
        ("model#staging", "No version of model is in staging"),
        ("model@v1.0.0", "has no valid evidence"),
        ("model#prod", "its message holds no evidence"),
    ],
)
def test_an_unknown_name_is_refused_with_a_next_step(tmp_path: Path, name: str, says: str) -> None:
    root = tmp_path / "repository"
    commits = repository(root)
    write(root, commits, [("register", 0, "prod", 0), ("assign", 0, "prod", 1)])
    with pytest.raises(ProjectError, match="Next: ") as error:
        resolve.resolve(root, name)
    assert says in str(error.value)


def test_evidence_is_parsed_as_it_was_written() -> None:
    content = {"b": 0.1 + 0.2, "a": {"ü": "\udce9\n\x1b[1m"}, "none": None}
    message = events.format_message("Register model", content).decode("utf-8")
    assert message.startswith("Register model\n\n{")
    assert events.parse_message(message) == ({"headrace": 1, **content}, "")


@pytest.mark.parametrize(
    "message",
    ["", "Promote", "x\n\nnot {", "x\n\n{", 'x\n\n{"headrace": 2}',
     'x\n\n{"headrace": 1, "a": NaN}', 'x\n\n{"headrace": 1, "a": 1, "a": 2}',
     "x\n\n" + "[" * 9, "x\n\n" + '{"a":' * 100_000],
)  # fmt: skip
def test_an_invalid_message_holds_no_evidence(message: str) -> None:
    evidence, why = events.parse_message(message)
    assert evidence is None
    assert why


def test_names_are_written_as_gto_writes_them() -> None:
    staged = Name("a/b:model", Kind.UNASSIGN, stage="prod", counter=7)
    assert str(staged) == "a/b=model#prod!#7"
    assert str(Name("model", Kind.DEREGISTER, version="v1.0.0")) == "model@v1.0.0!"
