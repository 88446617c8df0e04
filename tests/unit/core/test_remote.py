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
    """A study with predictions in its commit and others now, and where the first are kept."""
    made = Compared.make(tmp_path / "study", **scored(predicted()))
    made.gates(AUC, BLOCK)
    kept = made.predictions(predicted())
    made.commit()
    later = predicted(noise=0.1, seed=1)
    made.predictions(later)
    made.metrics(**scored(later))
    return made, kept


def test_predictions_that_the_cache_lacks_come_from_the_remote(
    study: tuple[Compared, Path], served: tuple[Path, str]
) -> None:
    made, kept = study
    folder, address = served
    place = folder / "files/md5" / kept.parent.name / kept.name
    place.parent.mkdir(parents=True)
    kept.rename(place)
    made.write(
        ".dvc/config", f"[core]\n    remote = far\n['remote \"far\"']\n    url = {address}\n"
    )
    assert change(made.report(), "roc_auc").interval is not None
    assert lockfile.md5(kept) == kept.parent.name + kept.name
    assert lockfile.md5(made.root / PREDICTIONS) != kept.parent.name + kept.name


def test_what_no_remote_has_is_said_with_what_to_fetch(
    study: tuple[Compared, Path], served: tuple[Path, str]
) -> None:
    made, kept = study
    kept.unlink()
    made.write(
        ".dvc/config", f"[core]\n    remote = far\n['remote \"far\"']\n    url = {served[1]}\n"
    )
    found = made.report()
    assert change(found, "roc_auc").interval is None
    assert any(f"Next: dvc fetch --all-commits {PREDICTIONS}" in note for note in found.notes)


def test_a_remote_that_cannot_be_asked_is_said_in_dvc_s_words(
    study: tuple[Compared, Path],
) -> None:
    made, kept = study
    kept.unlink()
    made.write(
        ".dvc/config", "[core]\n    remote = far\n['remote \"far\"']\n    url = s3://b/dvc\n"
    )
    (file,) = lockfile.read(made.root)["train"].outs
    with pytest.raises(DataError, match=r"DVC's remote cannot be read: .*dvc-s3"):
        dvc_cache.fetch(made.root, file)
    assert any("DVC's remote cannot be read" in note for note in made.report().notes)


def test_without_a_remote_nobody_is_asked(study: tuple[Compared, Path]) -> None:
    made, _ = study
    (file,) = lockfile.read(made.root)["train"].outs
    assert dvc_cache.remotes(made.root) == []
    assert dvc_cache.fetch(made.root, file) is None
