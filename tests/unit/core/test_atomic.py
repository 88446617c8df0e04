"""Files are written whole or not at all."""

from pathlib import Path

import pytest

from headrace.core import atomic


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new/file.txt"
    atomic.write_text(path, "old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        atomic.write_whole(path, fail)
    assert path.read_text() == "old"
    assert [found.name for found in path.parent.iterdir()] == ["file.txt"]


def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "runs[1].ipynb"
    left = [tmp_path / f".{path.name}.{end}.ipynb" for end in ("a1b2", "x_y")]
    others = [path, tmp_path / ".runs[1].ipynb.d", tmp_path / ".runs1.ipynb.a1.ipynb"]
    for file in (*left, *others):
        file.touch()
    atomic.remove_leftovers(path)
    assert {*tmp_path.iterdir()} == {*others}
