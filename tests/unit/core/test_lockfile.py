"""dvc.lock: records of the last runs, and hashes as DVC makes them."""

from pathlib import Path

import pytest

from headrace.core import lockfile
from headrace.errors import ProjectError

LOCK = b"""\
schema: '2.0'
stages:
  train:
    cmd: headrace run train
    deps:
    - {path: a.csv, hash: md5, md5: 0cc175b9c0f1b6a831c399e269772661, size: 1}
    - {path: old.csv, md5: 92eb5ffee6ae2fec3ad71c777531578f, size: 1}
    params: {params.yaml: {seed: 7}}
    outs:
    - {path: data, hash: md5, md5: 4a8a08f09d37b73795649038408b5f33.dir, size: 2}
"""
FOLDER_HASH = "3ed6cd1a9784edb8f4a4297a3d6984ce.dir"
"""As `dvc add` names a folder with these two files."""


def test_a_record_has_command_deps_params_and_outs() -> None:
    record = lockfile.parse(LOCK)["train"]
    assert record.cmd == "headrace run train"
    assert record.params == {"params.yaml": {"seed": 7}}
    assert [(file.path, file.is_folder) for file in record.outs] == [("data", True)]


def test_a_hash_of_dvc_2_is_unknown() -> None:
    """DVC 2 hashed a text with Unix line ends, so its MD5 is not that of the bytes."""
    assert [bool(file.md5) for file in lockfile.parse(LOCK)["train"].deps] == [True, False]


@pytest.mark.parametrize("text", [b"stages: [1]", b"stages: {train: {deps: [{}]}}"])
def test_another_form_is_refused_with_the_next_step(text: bytes) -> None:
    with pytest.raises(ProjectError, match=r"not as DVC 3 writes it. Next: dvc repro"):
        lockfile.parse(text)


def test_no_file_is_no_record(tmp_path: Path) -> None:
    assert lockfile.read(tmp_path) == {}


def test_a_folder_s_hash_is_that_of_the_list_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b/c").write_bytes(b"b")
    assert lockfile.md5(tmp_path / "a") == "0cc175b9c0f1b6a831c399e269772661"
    assert lockfile.md5(tmp_path) == FOLDER_HASH


def test_a_folder_has_one_path_with_and_without_a_slash() -> None:
    text = LOCK.replace(b"path: data,", b"path: ./data/,").replace(b"a.csv", b"s3://one//a.csv")
    record = lockfile.parse(text)["train"]
    assert (record.outs[0].path, record.deps[0].path) == ("data", "s3://one//a.csv")
