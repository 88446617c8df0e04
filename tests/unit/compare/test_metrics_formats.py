"""Metrics are read as DVC reads them, wherever they are kept: diff and history say the same."""

import json
from pathlib import Path

import pytest
from cached_study import CachedStudy, md5
from compared_study import Compared

from headrace.core import dvc_cache, metrics, project
from headrace.core.git import Objects
from headrace.core.lockfile import File
from headrace.history import metrics_files
from headrace.history.collect import gather
from headrace.report import metrics_table
from headrace.verify import file_diff
from lab import bake

PYPROJECT = "[tool.headrace]\n"
FORMATS = {
    "m.json": '{"a": %s, "why": null}',
    "m.yaml": "a: %s  # a comment\nwhen: 2026-01-01\n",
    "m.yml": "{a: %s}",
    "m.TOML": "a = %s\n",
    "m.py": "a = %s\n",
    "metric": "a: %s\n",
}


@pytest.fixture
def study(tmp_path: Path) -> Compared:
    """A study whose metrics are given by a test."""
    made = Compared.make(tmp_path / "study", unused=1)
    made.write("dvc.yaml", "stages: {}\n")
    return made


def both(study: Compared) -> tuple[dict[str, tuple[object, object]], dict[str, list[object]]]:
    """Return the metrics that diff shows, old and new, and all values that history has."""
    changes = {f"{m.file}:{m.name}": (m.old, m.new) for m in study.report().metrics}
    study.commit("new")
    history = gather(project.find_project(study.root), ["*"])
    series = {str(series.metric): [*series.values][-2:] for series in history.series}
    return changes, {name: values for name, values in series.items() if "unused" not in name}


@pytest.mark.parametrize("name", FORMATS)
def test_a_metrics_file_has_the_format_that_its_name_says(name: str, study: Compared) -> None:
    study.write("dvc.yaml", json.dumps({"stages": {"s": {"cmd": "x", "metrics": [name]}}}))
    study.write(name, FORMATS[name] % 1.5)
    study.commit("old")
    study.write(name, FORMATS[name] % 3)
    changes, series = both(study)
    assert changes == {f"{name}:a": (1.5, 3)}
    assert series[f"{name}:a"] == [1.5, 3]


@pytest.mark.parametrize("name", ["m.yaml", "m.toml", "m.json", "m.py"])
def test_a_metrics_file_that_cannot_be_read_is_named_with_its_format(name: str) -> None:
    with pytest.raises(ValueError, match=r"^is not (YAML|TOML|JSON|Python) that can be read \(.+"):
        metrics.parse(b"{a: [", name)


@pytest.mark.parametrize("file", ["dvc.yaml", "side/dvc.yaml"])
@pytest.mark.parametrize("top", [["m.json"], ["${name}.json"], ["folder"]])
def test_metrics_of_no_stage_are_metrics(file: str, top: list[str], study: Compared) -> None:
    study.write(file, json.dumps({"vars": [{"name": "m"}], "stages": {}, "metrics": top}))
    name = f"{file.removesuffix('dvc.yaml')}{'folder/n.json' if 'folder' in top else 'm.json'}"
    study.write(name, '{"a": 1}')
    study.commit("old")
    study.write(name, '{"a": 2}')
    assert both(study) == ({f"{name}:a": (1, 2)}, {f"{name}:a": [1, 2]})


def test_a_parameter_file_of_no_stage_is_compared(study: Compared) -> None:
    study.write("side/dvc.yaml", "params: [p.json, conf.toml]\nstages: {}\n")
    study.write("side/p.json", '{"x": 1, "y": 1}')
    study.commit("old")
    study.write("side/p.json", '{"x": 2, "y": 1}')
    (change,) = study.report().parameters
    assert (change.name, change.old, change.new) == ("side/p.json:x", 1, 2)


@pytest.fixture
def cached(tmp_path: Path) -> CachedStudy:
    """A study whose metrics DVC keeps, and git does not."""
    study = CachedStudy(tmp_path / "study")
    (study.root / "pyproject.toml").write_text(PYPROJECT)
    (study.root / "dvc.yaml").write_text("stages: {s: {cmd: 'true', metrics: [made/m.yaml]}}\n")
    study.write_outputs(made__m_DOT_yaml=b"a: 1.5\n")
    bake.commit(study.root, "old")
    study.write_outputs(made__m_DOT_yaml=b"a: 3.0\n")
    bake.commit(study.root, "new")
    return study


def test_a_cached_metric_is_compared_by_the_hash_in_each_state_s_lock(cached: CachedStudy) -> None:
    compared = Compared(cached.root)
    (change,) = compared.report("HEAD~1", "HEAD").metrics
    assert (change.name, change.old, change.new) == ("a", 1.5, 3.0)
    (series,) = gather(project.find_project(cached.root), []).series
    assert series.values == (1.5, 3.0)


def test_a_cached_metric_that_is_not_here_is_named_with_what_brings_it(cached: CachedStudy) -> None:
    cached.cached(b"a: 1.5\n").unlink()
    notes = Compared(cached.root).report("HEAD~1", "HEAD").notes
    says = "made/m.yaml of HEAD~1 is not in DVC's cache. Next: dvc fetch --all-commits made/m.yaml"
    assert says in notes
    history = gather(project.find_project(cached.root), [])
    assert history.series[0].values == (None, 3.0)
    assert "not in DVC's cache (dvc fetch --all-commits)" in "".join(history.notes)


def test_a_metric_in_a_cached_folder_is_compared(cached: CachedStudy) -> None:
    listing = b'[{"md5": "0cc175b9c0f1b6a831c399e269772661", "relpath": "in/m.json"}]'
    member = cached.root / ".dvc/cache/files/md5/0c/c175b9c0f1b6a831c399e269772661"
    member.parent.mkdir(parents=True, exist_ok=True)
    member.write_bytes(b'{"a": 7}')
    cached.write_outputs(made=listing)
    name = cached.cached(listing)
    name.rename(name.with_name(f"{name.name}.dir"))
    lock = cached.root / "dvc.lock"
    digest = f"{name.parent.name}{name.name}"
    lock.write_text(lock.read_text().replace(digest, f"{digest}.dir"))
    bake.commit(cached.root, "folder")
    with Objects(cached.root) as objects:
        old, _ = cached.states(objects)
        assert old.read_output("made/in/m.json") == b'{"a": 7}'
    (cached.root / "dvc.yaml").write_text("stages: {}\nmetrics: [made/in/m.json]\n")
    bake.commit(cached.root, "named")
    (series,) = gather(project.find_project(cached.root), []).series
    assert series.values == (None, None, 7, 7)


def test_a_file_of_one_number_is_a_metric_of_its_name(study: Compared) -> None:
    study.write("dvc.yaml", "stages: {s: {cmd: x, metrics: [accuracy]}}\n")
    study.write("accuracy", "0.5\n")
    study.commit("old")
    study.write("accuracy", "0.75\n")
    assert both(study) == ({"accuracy:": (0.5, 0.75)}, {"accuracy": [0.5, 0.75]})


@pytest.mark.parametrize("text", ["[1, 2]", "0.5"])
def test_a_list_and_a_number_are_metrics_in_every_verb(text: str, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text(text)
    assert metrics_table.show(path)
    assert metrics_files.parse(text.encode(), "m.json").problem == ""
    assert file_diff.within(path, path, tolerance=0.1)


def test_a_file_that_became_a_folder_is_no_list_of_files(tmp_path: Path) -> None:
    cached = CachedStudy(tmp_path / "study")
    cached.write_outputs(model=b"not a list")
    out = File("model", md5(b"not a list"), 10)
    store = dvc_cache.store_of(cached.root)
    assert store.find_output([out], "model/m.json") is None
    assert store.find_output([out], "model") == cached.cached(b"not a list")


def test_a_folder_in_the_cache_is_its_files(tmp_path: Path) -> None:
    cached = CachedStudy(tmp_path / "study")
    listing = json.dumps([{"md5": md5(b"1"), "relpath": "a.json"}]).encode()
    cached.write_outputs(a=b"1")
    target = cached.cached(listing).with_name(f"{cached.cached(listing).name}.dir")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(listing)
    folder = File("m", f"{md5(listing)}.dir", 1)
    store = dvc_cache.store_of(cached.root)
    assert [file.path for file in store.files([folder])] == ["m/a.json"]
    assert store.find_output([folder], "m/a.json") == cached.cached(b"1")
    assert store.find_output([folder], "m") is None
