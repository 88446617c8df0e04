"""The steps of CI, at home as there: what is committed, who is told, and what stops it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mini_study import PYPROJECT, Mini

from headrace.ci import actions, comment, lock_check, steps
from headrace.ci.steps import Step
from headrace.core import cpu, dvc_cache, lockfile, project
from headrace.errors import HeadraceError
from lab import bake, paths

M = "metrics/train.json"
SOURCE = "src/train.py"
STAGES = {
    "train": {"cmd": "headrace run train", "deps": [SOURCE], "outs": ["made/model", M]},
    "score": {"cmd": "headrace run score", "deps": ["made/model"], "outs": ["made/scores.csv"]},
}


class Locked:
    """A study whose dvc.lock says what lies there, as `dvc repro` would leave it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.parameters: dict[str, object] = {"seed": 7}
        self.write("pyproject.toml", PYPROJECT)
        self.write("dvc.yaml", json.dumps({"stages": STAGES}))
        self.write(".gitignore", "/made\n/.dvc/cache\n")
        self.write(".dvc/config", "[core]\n    analytics = false\n")
        self.cost(cpu.kind())
        self.repro(model="m1", score="0.8", scores="row,p\n1,0.5\n")
        bake.commit(root)

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def cost(self, kind: str) -> None:
        """Say on which kind of processor both stages ran."""
        for stage in STAGES:
            self.write(f"metrics/cost/{stage}.json", json.dumps({"processor": kind}))

    def repro(
        self, source: str = "1", model: str = "m1", score: str = "0.8", scores: str = ""
    ) -> None:
        """Write all files and a dvc.lock of them, and keep them in DVC's cache."""
        self.write(SOURCE, source)
        self.write("made/model", model)
        self.write(M, f'{{"score": {score}}}')
        self.write("made/scores.csv", scores or "row,p\n1,0.5\n")
        lock = {
            name: {
                "cmd": stage["cmd"],
                "deps": [self._file(dep) for dep in stage["deps"]],
                "params": {"params.yaml": self.parameters},
                "outs": [self._file(out) for out in stage["outs"]],
            }
            for name, stage in STAGES.items()
        }
        self.write("dvc.lock", json.dumps({"schema": "2.0", "stages": lock}))

    def _file(self, name: str) -> dict[str, object]:
        path = self.root / name
        md5 = lockfile.md5(path)
        self.write(f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}", path.read_text("utf-8"))
        return {"path": name, "hash": "md5", "md5": md5, "size": path.stat().st_size}

    def check(self) -> bool:
        """Hold what is committed against what lies there."""
        return lock_check.check(project.find_project(self.root))


@pytest.fixture
def locked(tmp_path: Path) -> Locked:
    """A study whose committed dvc.lock is what lies there."""
    return Locked(tmp_path)


def test_what_is_committed_and_what_repro_makes_are_the_same(
    locked: Locked, capsys: pytest.CaptureFixture[str]
) -> None:
    assert locked.check()
    assert capsys.readouterr().out == "dvc.lock and the metrics in git match the last dvc repro\n"


def test_a_stage_that_was_not_run_after_a_change_is_named_with_the_change(
    locked: Locked, capsys: pytest.CaptureFixture[str]
) -> None:
    locked.repro(source="2", model="m2", scores="row,p\n1,0.6\n")
    assert not locked.check()
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"stage train has not run since a change of {SOURCE}. Next: dvc repro")
    locked.parameters = {"seed": 8}
    locked.repro()
    assert not locked.check()
    assert "stage train has not run since a change of params.yaml: seed." in (
        capsys.readouterr().out
    )


def test_an_output_that_comes_out_otherwise_is_named_with_its_place(
    locked: Locked, capsys: pytest.CaptureFixture[str]
) -> None:
    locked.repro(scores="row,p\n1,0.6\n")
    assert not locked.check()
    printed = capsys.readouterr().out
    assert "stage score: made/scores.csv differs: column p, row 1: `0.6`, it was `0.5`" in printed
    assert "stage train" not in printed


def test_a_stage_that_is_in_one_lock_alone_is_named(
    locked: Locked, capsys: pytest.CaptureFixture[str]
) -> None:
    content = json.loads((locked.root / "dvc.lock").read_text("utf-8"))
    content["stages"]["more"] = content["stages"].pop("score")
    locked.write("dvc.lock", json.dumps(content))
    assert not locked.check()
    printed = capsys.readouterr().out
    assert "stage score is in the committed dvc.lock, but not in dvc.yaml" in printed
    assert "stage more is not in the committed dvc.lock" in printed
    bake.run(locked.root, "git", "rm", "--quiet", "--force", "dvc.lock")
    bake.commit(locked.root)
    assert not locked.check()
    assert "No dvc.lock is committed. Next: dvc repro" in capsys.readouterr().out


def test_a_metric_that_was_edited_by_hand_is_found(
    locked: Locked, capsys: pytest.CaptureFixture[str]
) -> None:
    locked.write(M, '{"score": 0.9}')
    bake.commit(locked.root, "Improve")
    locked.repro()
    assert not locked.check()
    assert f"{M} was edited after stage train wrote it" in capsys.readouterr().out


@pytest.mark.parametrize(("score", "fine"), [("0.8001", True), ("0.9", False)])
def test_on_another_kind_of_processor_metrics_are_held_to_a_tolerance(
    locked: Locked, score: str, fine: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    locked.repro(model="m1, but for a bit", score=score, scores="row,p\n1,0.50001\n")
    assert not locked.check()
    here = (locked.root / "dvc.lock").read_text("utf-8")
    locked.repro()
    locked.cost("another kind")
    bake.commit(locked.root)
    locked.repro(model="m1, but for a bit", score=score, scores="row,p\n1,0.50001\n")
    assert (locked.root / "dvc.lock").read_text("utf-8") == here
    assert locked.check() is fine
    assert ("score is 0.9, it was 0.8" in capsys.readouterr().out) is not fine


def test_without_a_remote_it_says_so_and_goes_on(
    locked: Locked, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dvc_cache.remotes(locked.root) == []
    assert actions.fetch_data(project.find_project(locked.root), "")
    assert "no DVC remote" in capsys.readouterr().out


def test_a_source_that_only_its_owner_has_fails_and_is_named(
    mini: Mini, capsys: pytest.CaptureFixture[str]
) -> None:
    mini.write("data/raw/a b.csv", "x\n1\n")
    mini.replace("dvc.yaml", "    deps:\n", "    deps:\n      - data/raw/a b.csv\n")
    bake.run(mini.root, "git", "init", "--quiet")
    bake.run(mini.root, "dvc", "init", "--quiet")
    bake.run(mini.root, "dvc", "add", "--quiet", "data/raw/a b.csv")
    (mini.root / "data/raw/a b.csv").unlink()
    assert actions.fetch_data(project.find_project(mini.root), "")  # dvc repro brings it back
    shutil.rmtree(mini.root / ".dvc/cache")
    capsys.readouterr()
    assert not actions.fetch_data(project.find_project(mini.root), "")
    printed = capsys.readouterr().out
    assert "'data/raw/a b.csv': given to DVC, but neither in its cache nor in a remote" in printed
    assert "Next: dvc push 'data/raw/a b.csv' from where it is" in printed


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/dvc", "s3://what-is-not-installed/dvc"])
def test_what_no_remote_gives_stops_nothing(
    locked: Locked, url: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    bake.run(locked.root, "dvc", "remote", "add", "--default", "gone", url)
    bake.run(locked.root, "dvc", "config", "cache.dir", "empty")
    (locked.root / "made/model").unlink()
    assert actions.fetch_data(project.find_project(locked.root), "HEAD")
    printed = capfd.readouterr().out
    assert "DVC's remote does not have all data; the rest is made again" in printed


def ends(good: bool | str) -> Callable[[], bool]:
    """Return a step's work that ends like this; a text is what is wrong."""

    def run() -> bool:
        if isinstance(good, str):
            raise HeadraceError(good)
        return good

    return run


@pytest.mark.parametrize("github", [False, True])
def test_one_failed_step_stops_only_those_that_need_it(
    locked: Locked,
    github: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = [
        Step("one", "go wrong", ends("the disk is full. Next: another")),
        Step("two", "need one", ends(True), needs="one"),
        Step("three", "need two", ends(True), needs="two"),
        Step("four", "need nobody", ends(True)),
    ]
    summary = locked.root / "summary.md"
    monkeypatch.setattr(steps, "steps", lambda *_: made)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    if github:
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert steps.run(project.find_project(locked.root), "") == 1
    lines = capsys.readouterr().out.splitlines()
    assert "the disk is full. Next: another" in lines
    results = [tuple(line.split(maxsplit=1)) for line in lines[-4:]]
    assert [(name, rest.rsplit(maxsplit=1)[0].strip()) for name, rest in results] == [
        ("one", "failed"),
        ("two", "not run, one failed"),
        ("three", "not run, two failed"),
        ("four", "ok"),
    ]
    assert summary.read_text("utf-8") == "❌ one · ⚪ two · ⚪ three · ✅ four\n\n"
    assert ("::group::one: go wrong" in lines) is github
    monkeypatch.setattr(steps, "steps", lambda *_: made[3:])
    assert steps.run(project.find_project(locked.root), "") == 0


def test_nothing_that_a_step_prints_is_a_command_to_github(
    locked: Locked, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setattr(steps, "steps", lambda *_: [Step("a", "b", ends("::error::no"))])
    steps.run(project.find_project(locked.root), "")
    lines = capsys.readouterr().out.splitlines()
    stop = next(line for line in lines if line.startswith("::stop-commands::"))
    again = lines.index(f"::{stop.removeprefix('::stop-commands::')}::")
    assert lines.index(stop) < lines.index("::error::no") < again < lines.index("::endgroup::")


def test_a_base_that_git_does_not_know_is_the_commit_before(locked: Locked) -> None:
    first = bake.run(locked.root, "git", "rev-parse", "HEAD").stdout.strip()
    assert actions._revisions(locked.root, "") == ["HEAD"]
    assert actions._revisions(locked.root, "0" * 40) == ["HEAD"]
    bake.commit(locked.root, "Another")
    assert actions._revisions(locked.root, "0" * 40) == ["HEAD~1"]
    assert actions._revisions(locked.root, "") == []
    assert actions._revisions(locked.root, first) == [first]


def test_the_workflow_runs_what_make_ci_runs_and_nothing_of_its_own() -> None:
    text = (paths.study / ".github/workflows/ci.yml").read_text("utf-8")
    commands = [line.split("run:")[1].strip() for line in text.splitlines() if "run:" in line]
    assert commands == ["make ci", ".venv/bin/dvc gc --workspace --force"]
    first = [step.name for step in steps.steps(project.find_project(paths.study), "")]
    assert first == ["check", "test", "data", "repro", "lock", "html", "verify", "diff"]


GH = """\
#!{python}
import json, pathlib, sys
state = pathlib.Path(__file__).with_name("github.json")
known = json.loads(state.read_text())
path, words = sys.argv[2], sys.argv[3:]
method = words[words.index("--method") + 1]
content = {{"body": sys.stdin.read()}} if "body=@-" in words else None
known["asked"].append([method, path, words])
if path.endswith("/pulls"):
    print(json.dumps(known["pulls"]))
elif method == "GET":
    print("".join(json.dumps([one]) for one in known["comments"]) or "[]")
elif method == "POST":
    known["comments"].append({{"id": 77, "user": {{"type": "Bot"}}, **content}})
    print("{{}}")
else:
    for one in known["comments"]:
        if path.endswith(f"/comments/{{one['id']}}"):
            one.update(content)
    print("{{}}")
state.write_text(json.dumps(known))
"""


class GitHub:
    """In the place of GitHub: `gh` on the PATH, which keeps comments in a file."""

    def __init__(self, folder: Path, comments: list[dict[str, Any]]) -> None:
        self.folder = folder
        pulls = [
            {"number": 3, "head": {"sha": "old"}},
            {"number": 4, "head": {"sha": "abc"}},
        ]
        self._state = folder / "github.json"
        known = {"asked": [], "pulls": pulls, "comments": comments}
        self._state.write_text(json.dumps(known), "utf-8")
        program = folder / "gh"
        program.write_text(GH.format(python=sys.executable), "utf-8")
        program.chmod(0o755)

    def comment(self, text: str | None, sha: str = "abc") -> str:
        """Run the workflow's program as the workflow does, on plain Python; return its words."""
        run = {
            "head_sha": sha,
            "head_branch": "a-branch",
            "head_repository": {"owner": {"login": "stranger"}},
            "html_url": "https://example.org/runs/1",
        }
        event, file = self.folder / "event.json", self.folder / "comment.md"
        event.write_text(json.dumps({"workflow_run": run}), "utf-8")
        file.unlink(missing_ok=True)
        if text is not None:
            file.write_text(text, "utf-8")
        env = bake.environment(
            PATH=f"{self.folder}:/usr/bin:/bin",
            PYTHONPATH=str(paths.root / "src"),
            GITHUB_EVENT_PATH=str(event),
            GITHUB_REPOSITORY="owner/name",
        )
        command = [sys.executable, "-S", "-m", "headrace.ci.comment", str(file)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def known(self) -> dict[str, Any]:
        """What GitHub knows and was asked."""
        content: dict[str, Any] = json.loads(self._state.read_text("utf-8"))
        return content


def test_a_pull_request_gets_one_comment_and_it_is_renewed(tmp_path: Path) -> None:
    other = {"id": 5, "user": {"type": "User"}, "body": f"{comment.MARK} says a person"}
    github = GitHub(tmp_path, [other])
    assert "Pull request 4: comment posted." in github.comment("first")
    assert "Pull request 4: comment updated." in github.comment("second")
    person, mine = github.known["comments"]
    assert person == other
    assert mine["body"].startswith(f"{comment.MARK}\nsecond\n")
    assert "https://example.org/runs/1" in mine["body"]
    asked = next(words for method, path, words in github.known["asked"] if path.endswith("/pulls"))
    assert "head=stranger:a-branch" in asked


def test_a_run_that_is_not_the_newest_or_wrote_nothing_says_nothing(tmp_path: Path) -> None:
    github = GitHub(tmp_path, [])
    assert "nothing to post" in github.comment("text", sha="older")
    assert "nothing to post" in github.comment(None)
    assert github.known["comments"] == []


@pytest.mark.parametrize(
    "harm",
    [
        "[click](https://example.org)",
        "![](https://example.org/pixel.png)",
        "https://example.org and www.example.org",
        "<img src=x> <a href='x'> <!-- hidden -->",
        "@everyone closes #12",
        "&#x40;everyone &commat;here",
        "`` ` code",
    ],
)
def test_a_comment_has_no_link_picture_mention_or_tag_of_a_stranger_s(harm: str) -> None:
    text = comment.sanitize(harm)
    for mark in ("](", "://", "www.", "<", "@", "`", "&c", "&#x"):
        assert mark not in text
    assert " #12" not in text


def test_our_own_text_is_shown_as_it_is(locked: Locked) -> None:
    ours = "### Metrics\n\n| <code>a&#95;b</code> | 1 |\n| --- | ---: |\n\n**fine** ❌ 1 → 2\n"
    assert comment.sanitize(ours) == ours


@example("&#1")
@given(st.text(alphabet="ab#&;12@<>/code[]!`:\\w.\n", max_size=60))
def test_being_sanitized_twice_changes_nothing_more(text: str) -> None:
    once = comment.sanitize(text)
    assert comment.sanitize(once) == once


def test_a_long_comment_is_cut_at_a_line(tmp_path: Path) -> None:
    text = comment.sanitize("| a row |\n" * 20_000)
    assert len(text) < comment.MAX_LENGTH + 100
    assert text.endswith("| a row |\n\n… and more")
