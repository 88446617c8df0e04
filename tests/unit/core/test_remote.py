"""What DVC's remote has is fetched by its hash, into the cache, and the study stays untouched."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from compared_study import BLOCK, PREDICTIONS, Compared, change, predicted, scored

from headrace.core import dvc_cache, lockfile
from headrace.errors import DataError

AUC = "roc_auc: {is: roc_auc of chance, better: higher}"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address at which a server on this machine gives it out."""
    folder = tmp_path / "remote"
    folder.mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def study(tmp_path: Path) -> tuple[Compared, Path]:
    """A study with predictions in its commit and others now, and where the first are cached."""
    study_copy = Compared.make(tmp_path / "study", **scored(predicted()))
    study_copy.gates(AUC, BLOCK)
    cached = study_copy.predictions(predicted())
    study_copy.commit()
    later = predicted(noise=0.1, seed=1)
    study_copy.predictions(later)
    study_copy.metrics(**scored(later))
    return study_copy, cached


def test_predictions_that_the_cache_lacks_come_from_the_remote(
    study: tuple[Compared, Path], served: tuple[Path, str]
) -> None:
    study_copy, cached = study
    folder, address = served
    place = folder / "files/md5" / cached.parent.name / cached.name
    place.parent.mkdir(parents=True)
    cached.rename(place)
    study_copy.write(
        ".dvc/config", f"[core]\n    remote = far\n['remote \"far\"']\n    url = {address}\n"
    )
    assert change(study_copy.report(), "roc_auc").interval is not None
    assert lockfile.md5(cached) == cached.parent.name + cached.name
    assert lockfile.md5(study_copy.root / PREDICTIONS) != cached.parent.name + cached.name


def test_a_file_that_no_remote_has_is_reported_with_the_command_that_fetches_it(
    study: tuple[Compared, Path], served: tuple[Path, str]
) -> None:
    study_copy, cached = study
    cached.unlink()
    study_copy.write(
        ".dvc/config", f"[core]\n    remote = far\n['remote \"far\"']\n    url = {served[1]}\n"
    )
    report = study_copy.report()
    assert change(report, "roc_auc").interval is None
    assert any(f"Next: dvc fetch --all-commits {PREDICTIONS}" in note for note in report.notes)


def test_a_remote_that_cannot_be_read_is_reported_in_dvc_s_words(
    study: tuple[Compared, Path],
) -> None:
    study_copy, cached = study
    cached.unlink()
    study_copy.write(
        ".dvc/config", "[core]\n    remote = far\n['remote \"far\"']\n    url = s3://b/dvc\n"
    )
    (file,) = lockfile.read(study_copy.root)["train"].outs
    with pytest.raises(DataError, match=r"DVC's remote cannot be read: .*dvc-s3"):
        dvc_cache.fetch(study_copy.root, file)
    assert any("DVC's remote cannot be read" in note for note in study_copy.report().notes)


def test_a_study_without_a_remote_fetches_nothing(study: tuple[Compared, Path]) -> None:
    study_copy, _ = study
    (file,) = lockfile.read(study_copy.root)["train"].outs
    assert dvc_cache.remotes(study_copy.root) == []
    assert dvc_cache.fetch(study_copy.root, file) is None
