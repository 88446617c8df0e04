"""A stage begins with the bytes that were promised, and ends with those that it began with."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mini_study import Mini

from headrace.core import hash_cache, lockfile, pipeline, project
from headrace.errors import DataError, StageError
from headrace.execution.inputs import Inputs

MODEL, TABLE = "src/mini/model.py", "data/table.csv"
NOTEBOOK = "notebooks/01_train.ipynb"
DEPS = f"    deps:\n      - {MODEL}\n      - data\n"


@pytest.fixture
def study(mini: Mini, monkeypatch: pytest.MonkeyPatch) -> Mini:
    """A study whose stage reads a module and a folder, as DVC runs it."""
    monkeypatch.setenv("DVC_STAGE", "train")
    mini.replace("dvc.yaml", "    deps:\n", DEPS)
    mini.replace("dvc.yaml", "    params:\n", "    params:\n      - conf/a.yaml: []\n")
    mini.write("conf/a.yaml", "{x: 1}")
    mini.write(MODEL, "x = 1\n")
    mini.write(TABLE, "a,b\n1,2\n")
    return mini


def _inputs(study: Mini) -> Inputs:
    found = project.find_project(study.root)
    return Inputs(found, found.stage("train"))


def _rewrite(name: str) -> Callable[[Path], None]:
    return lambda root: (root / name).write_text("x = 2\n") and None


def _and_back(name: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        before = (root / name).read_bytes()
        (root / name).write_text("another")
        (root / name).write_bytes(before)

    return change


def _replaced(root: Path) -> None:
    shutil.copy2(root / MODEL, root / "copy")
    (root / "copy").replace(root / MODEL)


def _set(old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        text = (root / "params.yaml").read_text()
        (root / "params.yaml").write_text(text.replace(old, new))

    return change


def _whole(value: str) -> Callable[[Path], object]:
    return lambda root: (root / "conf/a.yaml").write_text(f"{{x: {value}}}")


AGAIN = "has the same bytes again: train may have read others"
CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a parameter": (
        _set("20", "30"),
        "params.yaml changed while train ran: train.max_iter was 20 and is 30.",
    ),
    "a parameter's type": (_set("seed: 7", "seed: 7.0"), "seed was 7 and is 7.0"),
    "a parameter that is gone": (_set("seed: 7\n", ""), "seed was 7 and is None"),
    "a params.yaml that is none": (_set("seed: 7", "seed: ["), "changed while train ran"),
    "a value of a whole file": (
        _whole("2"),
        "conf/a.yaml changed while train ran: x was 1 and is 2",
    ),
    "a new value of a whole file": (
        _whole("1, y: 3"),
        "conf/a.yaml changed while train ran: y was None",
    ),
    "a whole file that is none": (_whole("["), "Parameters changed while train ran: conf/a.yaml"),
    "a source file": (_rewrite(MODEL), f"{MODEL} changed while train ran."),
    "the notebook": (_rewrite(NOTEBOOK), f"{NOTEBOOK} changed while train ran."),
    "a file that is gone": (lambda root: (root / MODEL).unlink(), f"{MODEL} changed"),
    "a new file of a folder": (_rewrite("data/new.csv"), "data/new.csv changed while train ran."),
    "a file of a folder": (_rewrite(TABLE), f"{TABLE} changed while train ran."),
    "there and back": (_and_back(MODEL), f"{MODEL} was written while train ran and {AGAIN}"),
    "replaced by a copy": (_replaced, AGAIN),
    "touched": (lambda root: os.utime(root / MODEL), AGAIN),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_stage_fails_where_what_it_reads_changed_while_it_ran(study: Mini, kind: str) -> None:
    change, message = CHANGES[kind]
    inputs = _inputs(study)
    change(study.root)
    with pytest.raises(StageError) as error:
        inputs.require_unchanged()
    assert message in str(error.value)
    assert "Next: run it again: dvc repro train" in str(error.value)
    assert str(error.value).count("Next:") == 1


def _ignored(root: Path) -> None:
    (root / ".dvcignore").write_text("*.log\n")
    (root / "data/server.log").write_text("a line")


def _linked_and_back(root: Path) -> None:
    os.link(root / MODEL, root / "link")
    (root / "link").unlink()


HARMLESS: dict[str, Callable[[Path], object]] = {
    "nothing": lambda root: None,
    "a parameter that it does not list": _set("seed: 7", "other: 1\nseed: 7"),
    "a comment": _set("seed: 7", "seed: 7 # a prime"),
    "a file that it does not list": _rewrite("src/mini/other.py"),
    "another mode": lambda root: (root / MODEL).chmod(0o400),
    "the same mode": lambda root: (root / MODEL).chmod((root / MODEL).stat().st_mode),
    "a hard link that is gone again": _linked_and_back,
    "a hard link": lambda root: os.link(root / MODEL, root / "link"),
    "the notebook, saved as it is": _and_back(NOTEBOOK),
    "a file that DVC ignores": _ignored,
    "bytecode": lambda root: (root / "data/__pycache__").mkdir(),
}


@pytest.mark.parametrize("kind", HARMLESS)
def test_a_stage_goes_on_where_nothing_that_it_reads_changed(study: Mini, kind: str) -> None:
    inputs = _inputs(study)
    HARMLESS[kind](study.root)
    inputs.require_unchanged()


def _hashed(path: str, text: str) -> dict[str, object]:
    md5 = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    return {"path": path, "hash": "md5", "md5": md5, "size": len(text)}


def _object(root: Path, md5: object, text: str) -> str:
    """Write an object of DVC's cache; return its path."""
    name = f".dvc/cache/files/md5/{str(md5)[:2]}/{str(md5)[2:]}"
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)
    return name


MAKE = "  make:\n    cmd: make\n    outs:\n      - data/table.csv\n"


def _promise_by_a_stage(study: Mini, text: str) -> dict[str, object]:
    study.replace("dvc.yaml", "stages:\n", f"stages:\n{MAKE}")
    file = _hashed(TABLE, text)
    stages = {"make": {"cmd": "make", "outs": [file]}}
    study.write("dvc.lock", json.dumps({"schema": "2.0", "stages": stages}))
    return file


def _promise_by_dvc_add(study: Mini, text: str) -> dict[str, object]:
    file = _hashed("table.csv", text)
    study.write("data/table.csv.dvc", json.dumps({"outs": [file]}))
    return file


def _promise_by_a_folder(study: Mini, text: str) -> dict[str, object]:
    listing = json.dumps([{"md5": _hashed("", text)["md5"], "relpath": "table.csv"}])
    folder = _hashed("data", listing) | {"hash": "md5"}
    folder["md5"] = f"{folder['md5']}.dir"
    study.write("data.dvc", json.dumps({"outs": [folder]}))
    _object(study.root, folder["md5"], listing)
    return _hashed(TABLE, text)


KINDS = [_promise_by_a_stage, _promise_by_dvc_add, _promise_by_a_folder]
Promised = Callable[[Mini, str], dict[str, object]]


@pytest.mark.parametrize("promise", KINDS)
def test_a_stage_begins_where_it_finds_the_promised_bytes(study: Mini, promise: Promised) -> None:
    promise(study, "a,b\n1,2\n")
    _inputs(study).require_promised()


@pytest.mark.parametrize("promise", KINDS)
@pytest.mark.parametrize("kept", ["intact", "broken", "none"])
def test_a_stage_refuses_other_bytes_and_says_what_brings_the_promised_ones(
    study: Mini, promise: Promised, kept: str
) -> None:
    text = "promised\n"
    (study.root / ".dvc").mkdir()
    md5 = promise(study, text)["md5"]
    made = "" if kept == "none" else _object(study.root, md5, text if kept == "intact" else "no")
    with pytest.raises(DataError) as error:
        _inputs(study).require_promised()
    message = str(error.value)
    assert f"{TABLE} has other bytes than " in message
    assert str(md5) in message
    again = "dvc repro make" if promise is _promise_by_a_stage else "copy the file from where"
    target = "data" if promise is _promise_by_a_folder else TABLE
    steps = {
        "intact": f"rm -f {TABLE} && dvc checkout {target}",
        "broken": f"rm -f {TABLE} {made}",
        "none": again,
    }
    assert steps[kept] in message
    assert kept == "intact" or again in message
    is_added = promise is not _promise_by_a_stage
    assert (f"Next: dvc add {target} if you meant to change it, or rm" in message) == is_added


def test_a_stage_of_dvc_yaml_looks_for_pipeline_files_beside_its_deps_alone(
    study: Mini, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_root: Path) -> list[str]:
        raise AssertionError("it walked the study")

    _promise_by_a_stage(study, "earlier\n")
    study.write("data/dvc.yaml", MAKE.replace("  make", "stages:\n  make").replace("data/", ""))
    (study.root / "dvc.lock").rename(study.root / "data/dvc.lock")
    study.replace("data/dvc.lock", TABLE, "table.csv")
    study.write("build/dvc.yaml", "no: [pipeline")
    monkeypatch.setattr(pipeline, "names", refuse)
    with pytest.raises(DataError, match=r"dvc repro data/dvc\.yaml:make"):
        _inputs(study).require_promised()


def test_an_import_is_brought_back_by_dvc_update(study: Mini) -> None:
    (study.root / ".dvc").mkdir()
    content = {"deps": [{"path": "/from"}], "outs": [_hashed("table.csv", "promised")]}
    study.write("data/table.csv.dvc", json.dumps(content))
    with pytest.raises(DataError) as error:
        _inputs(study).require_promised()
    step = f"Next: rm -f {TABLE} && dvc update {TABLE}.dvc"
    assert str(error.value).endswith(step)


def test_the_next_step_names_the_pipeline_file_of_a_stage_in_a_folder(study: Mini) -> None:
    study.write("sub/dvc.yaml", "stages: {b: {cmd: make, deps: [a, b.ipynb]}}")
    (study.root / "sub/a").write_text("1")
    found = project.find_project(study.root)
    inputs = Inputs(found, found.stage("b"))
    os.utime(study.root / "sub/a")
    with pytest.raises(StageError, match=r"dvc commit -f sub/dvc\.yaml:b, if you know"):
        inputs.require_unchanged()


def test_a_dep_outside_of_the_study_or_with_a_part_that_dvc_fills_in_is_watched_too(
    study: Mini,
) -> None:
    outside = study.root.parent / f"{study.root.name}-outside"
    outside.mkdir()
    study.replace(
        "dvc.yaml", f"      - {MODEL}\n", f"      - ../{outside.name}\n      - src/${{x}}\n"
    )
    study.replace("dvc.yaml", "stages:", f"vars: [{{x: {MODEL.removeprefix('src/')}}}]\nstages:")
    (outside / "table.csv").write_text("1")
    for change in (_rewrite(f"../{outside.name}/table.csv"), _rewrite(MODEL)):
        inputs = _inputs(study)
        inputs.require_promised()
        change(study.root)
        with pytest.raises(StageError, match="changed while train ran"):
            inputs.require_unchanged()


def test_a_record_that_is_left_of_a_stage_without_the_out_promises_nothing(study: Mini) -> None:
    _promise_by_a_stage(study, "of before\n")
    study.replace("dvc.yaml", f"      - {TABLE}\n", "      - data/moved.csv\n")
    _inputs(study).require_promised()


def test_what_vanishes_from_a_folder_while_it_is_listed_is_no_input(
    study: Mini, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanish(path: Path) -> str:
        raise FileNotFoundError(path)

    monkeypatch.setattr("headrace.core.lockfile.md5", vanish)
    _inputs(study)


def test_a_file_that_may_not_be_read_is_named_with_what_helps(
    study: Mini, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("headrace.core.lockfile.md5", refuse)
    with pytest.raises(DataError, match=r"cannot be read: Permission denied. Next: chmod u\+rX "):
        _inputs(study)


def test_a_folder_s_files_are_hashed_by_the_first_stage_that_reads_them(
    study: Mini, monkeypatch: pytest.MonkeyPatch
) -> None:
    (study.root / "data/part").write_bytes(bytes(10**6))
    now, md5, read = time.time_ns, lockfile.md5, []
    monkeypatch.setattr(hash_cache.time, "time_ns", lambda: now() + 2 * 10**9)
    monkeypatch.setattr(lockfile, "md5", lambda path: read.append(path.name) or md5(path))
    _inputs(study)
    _inputs(study)
    assert read.count("part") == 1


def test_the_list_of_a_folder_s_files_is_not_believed_where_its_hash_is_wrong(study: Mini) -> None:
    file = _promise_by_a_folder(study, "a,b\n1,2\n")
    (listing,) = study.root.glob(".dvc/cache/files/md5/*/*.dir")
    listing.write_text(json.dumps([{"md5": file["md5"], "relpath": "other.csv"}]))
    with pytest.raises(DataError, match=f"rm -f .*{listing.name}, then dvc pull or dvc repro"):
        _inputs(study).require_promised()


def test_stages_may_be_run_by_hand_one_after_the_other(
    study: Mini, monkeypatch: pytest.MonkeyPatch
) -> None:
    _promise_by_a_stage(study, "earlier\n")
    monkeypatch.delenv("DVC_STAGE")
    with pytest.raises(DataError):
        _inputs(study).require_promised()
    found = project.find_project(study.root)
    Inputs(found, found.stage("make")).require_unchanged()
    _inputs(study).require_promised()
    monkeypatch.setenv("DVC_STAGE", "train")  # DVC would record it
    with pytest.raises(DataError):
        _inputs(study).require_promised()
