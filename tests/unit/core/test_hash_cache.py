"""A file's hash is remembered, and read again whenever its bytes may be others."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from headrace.core import hash_cache, lockfile
from headrace.core.hash_cache import FILE, LARGE, HashCache


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A large file that is remembered: for the cache, two seconds have passed."""
    now = time.time_ns
    monkeypatch.setattr(hash_cache.time, "time_ns", lambda: now() + 2 * 10**9)
    path = tmp_path / "table"
    path.write_bytes(bytes(LARGE))
    return path


def _remember(path: Path) -> None:
    cache = HashCache(path.parent)
    cache.md5(path)
    cache.save()
    file = path.parent / FILE
    content = json.loads(file.read_text())
    content["md5"][str(path)][-1] = "remembered"
    file.write_text(json.dumps(content))
    assert HashCache(path.parent).md5(path) == "remembered"


def _flip(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\1")


def _flip_and_set_times(path: Path) -> None:
    status = path.stat()
    _flip(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _replace(path: Path) -> None:
    shutil.copy2(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


@pytest.mark.parametrize("change", [_flip, _flip_and_set_times, _replace])
def test_a_file_that_may_have_changed_is_read_again(table: Path, change: object) -> None:
    _remember(table)
    change(table)  # type: ignore[operator]
    assert HashCache(table.parent).md5(table) == lockfile.md5(table)


def test_a_file_that_has_just_been_written_is_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_bytes(bytes(LARGE))
    cache = HashCache(tmp_path)
    assert cache.md5(path) == lockfile.md5(path)
    cache.save()
    assert not (tmp_path / FILE).exists()


def test_two_commands_at_once_keep_what_each_has_read_and_drop_what_is_gone(table: Path) -> None:
    other, gone = (Path(shutil.copy(table, table.with_name(name))) for name in ("other", "gone"))
    one, two = HashCache(table.parent), HashCache(table.parent)
    one.md5(table)
    two.md5(other)
    two.md5(gone)
    gone.unlink()
    one.save()
    two.save()
    kept = json.loads((table.parent / FILE).read_text())["md5"]
    assert sorted(kept) == [str(other), str(table)]
