"""What the registry reads of a commit, and the problems that it names."""

from pathlib import Path

from headrace.core.git import Objects
from headrace.registry.snapshot import SnapshotReader
from lab import bake


def test_a_problem_names_its_file_where_two_files_have_the_same_bytes(tmp_path: Path) -> None:
    for name in ("dvc.yaml", "params.yaml"):
        (tmp_path / name).write_text("a: [", "utf-8")
    bake.commit(tmp_path)
    head = bake.run(tmp_path, "git", "rev-parse", "HEAD").stdout.strip()
    with Objects(tmp_path) as objects:
        problems = SnapshotReader(objects, "").read([head])[head].problems
    assert [problem.partition(",")[0] for problem in problems] == ["dvc.yaml", "params.yaml"]
