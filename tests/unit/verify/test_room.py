"""A clean room: what a stage opens, writes and gets there, and how its outputs are compared."""

import json
import os
import sys
from pathlib import Path

import pytest
from mini_study import Mini

from headrace.core import lockfile, project
from headrace.core.dvc_cache import Store
from headrace.core.lockfile import File
from headrace.verify import clean_room, messages, perturb, result
from lab import bake

WITHOUT_RIGHTS = """\
import ctypes, encodings.idna, os, socket
from headrace.verify import sandbox_entry
if os.getuid() == 0:
    os.setgroups([]), os.setresgid(*[65534] * 3), os.setresuid(*[65534] * 3)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # as a program that such a user starts: it may be traced
reason, user = sandbox_entry._leave_network(), os.getuid()
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname(), 5).close()
try:
    socket.create_connection(("192.0.2.1", 9), 5)
except OSError as error:
    print(user, reason or error.strerror)
"""


def test_the_network_is_taken_away_without_rights_or_it_is_said_why_not() -> None:
    printed = bake.run(Path.cwd(), sys.executable, "-c", WITHOUT_RIGHTS).stdout
    user = os.getuid() or 65534
    assert printed.startswith(
        (f"{user} Network is unreachable", f"{user} the system does not allow")
    )


def test_a_file_of_the_original_is_no_file_of_the_system_wherever_the_study_lies(
    mini: Mini, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "SYSTEM", ("/",))  # such as a study below /opt
    room = clean_room.Room(mini.root.parent / f"{mini.root.name}-room")
    room.study.mkdir(parents=True)
    original = mini.root / "params.yaml"
    opened = [["read", str(path)] for path in (original, "/etc/passwd", room.study / "gone")]
    room.events.write_text("".join(f"{json.dumps(event)}\n" for event in opened))
    record = lockfile.Record("headrace run train", (), {}, ())
    problems = messages.undeclared_inputs(
        project.find_project(mini.root), "train", record, room, []
    )
    assert [*problems] == [f"stage train reads {original}, which lies outside the study"]


def test_an_undeclared_output_is_named_with_what_the_stage_did() -> None:
    before = dict.fromkeys(("removed.txt", "changed.txt", "same.txt", "made/m.bin"), (1, 1, 1))
    after = dict.fromkeys(("changed.txt", "made/m.bin", "new.txt"), (2, 2, 2))
    after["same.txt"] = before["same.txt"]
    problems = messages.undeclared_outputs("train", before, after, ["made"])
    assert [problem.partition(",")[0] for problem in problems] == [
        "stage train changes changed.txt",
        "stage train writes new.txt",
        "stage train removes removed.txt",
    ]


@pytest.mark.parametrize("jobs", [1, 2, 3, 8])
def test_no_stage_gets_all_processors_where_there_are_several(
    monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    monkeypatch.setattr(perturb, "processors", lambda: [0, 1, 2, 3])
    shares = perturb.shares(jobs)
    assert len(shares) == jobs
    assert all(0 < len(share) < 4 for share in shares)
    monkeypatch.setattr(perturb, "processors", lambda: [0])
    assert perturb.shares(jobs) == [()] * jobs


@pytest.mark.parametrize("hour", range(24))
def test_the_date_in_a_room_is_never_the_date_in_utc(hour: int) -> None:
    offset = {perturb.FAR_EAST: 14, perturb.FAR_WEST: -12}[perturb._zone(hour)]
    assert not 0 <= hour + offset < 24


def test_an_output_is_compared_with_its_hash_and_metrics_within_the_tolerance(
    tmp_path: Path,
) -> None:
    tree, room = tmp_path / "tree", tmp_path / "room"
    for folder, value in ((tree, 1.0), (room, 1.001)):
        folder.mkdir()
        (folder / "m.json").write_text(f'{{"auc": {value}}}')
    store = Store((tmp_path / "cache",), tmp_path)
    recorded = File("m.json", lockfile.md5(tree / "m.json"), 0)
    new = room / "m.json"
    same = File("m.json", lockfile.md5(new), 0)
    assert result.compare(same, new, tree, store, tolerance=None).identical
    strict = result.compare(recorded, new, tree, store, tolerance=None)
    assert (strict.passed, strict.where) == (False, "differs: auc is 1.001, it was 1.0")
    assert result.compare(recorded, new, tree, store, tolerance=0.01).passed
    assert not result.compare(recorded, new, tree, store, tolerance=0.0001).passed
    missing = result.compare(recorded, room / "none.json", tree, store, tolerance=0.01)
    assert (missing.passed, missing.where) == (False, "was not written")
