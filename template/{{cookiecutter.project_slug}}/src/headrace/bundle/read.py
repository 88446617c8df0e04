"""Read a bundle: every byte is checked before any of the model's is understood."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from headrace import modelfile
from headrace.bundle import archive, environment, golden
from headrace.bundle.inputs import of_file
from headrace.errors import DataError
from headrace.project import Project

FORMAT = 1


@dataclass(frozen=True)
class Bundle:
    """A bundle that was checked, with its model, ready to answer."""

    name: str
    study: Project
    files: archive.Files
    manifest: dict[str, Any]
    model: Any

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of one row of inputs."""
        return self._json("schema.json")

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of the model beside itself: its threshold, its metrics."""
        return self._json("facts.json")

    @property
    def example(self) -> dict[str, Any]:
        """One row of inputs as it may be asked: the golden one that lacks least."""
        rows: list[dict[str, Any]] = json.loads(self.files["golden.json"])
        row = min(rows, key=lambda one: sum(value is None for value in one.values()))
        return {name: row[name] for name in self.schema["properties"]}

    @property
    def baseline(self) -> dict[str, Any]:
        """What each input looked like where the model learned."""
        return self._json("baseline.json")

    def _json(self, part: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.files[part])
        return found

    def predict(self, table: pd.DataFrame) -> golden.Vector:
        """Return the model's prediction of each row, shape (rows,)."""
        return np.asarray(self.study.load("predict")(self.model, table), dtype="float64")

    def replay(self) -> int:
        """Predict the golden rows again, and return how many there are.

        Errors:
            DataError: a prediction is not what it was; a table shows which.
        """
        rows = json.loads(self.files["golden.json"])
        expected = np.array([row[golden.PREDICTION] for row in rows], dtype="float64")
        found = golden.differing(expected, self.predict(golden.frame(rows, self.schema)))
        if len(found):
            raise DataError(
                f"{self.name} is refused: {len(found)} of {len(rows)} golden rows come out"
                f" otherwise here.\n{golden.shown(found)}\nNext: answer from the environment that"
                " it was made in: uv pip sync requirements.lock"
            )
        return len(rows)


def checked(path: Path) -> tuple[archive.Files, dict[str, Any]]:
    """Return a bundle's files and its manifest; every byte is as it was written.

    Errors:
        DataError: the file is missing, or a part of it was changed; it is named.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        step = "Next: dvc checkout, or dvc repro"
        raise DataError(f"{path.name} cannot be read: {error.strerror}. {step}") from None
    files = archive.unseal(content, path.name)
    known: dict[str, Any] = json.loads(files[archive.MANIFEST])
    if known.get("headrace_bundle") != FORMAT:
        raise DataError(f"{path.name} is no bundle of this headrace. Next: cruft update")
    return files, known


def manifest(path: Path) -> dict[str, Any]:
    """Return a bundle's manifest, after every byte of the bundle was checked; see `checked`."""
    return checked(path)[1]


def load(path: Path, study: Project) -> Bundle:
    """Load a bundle in a study: checked, of this environment and code, its golden rows replayed.

    Nothing of the model is read before all hashes are right; and of the model only the types that
    the study lists, whatever its file asks for.

    Errors:
        DataError: it is not as it was written, or would answer otherwise here.
    """
    files, known = checked(path)
    _same_environment(path.name, known)
    _same_code(path.name, files, study)
    model = modelfile.loads(files["model.skops"], path.name, trusted=study.load("trusted"))
    bundle = Bundle(path.name, study, files, known, model)
    bundle.replay()
    return bundle


def _same_environment(name: str, known: dict[str, Any]) -> None:
    found = environment.differences(known["environment"])
    if found:
        rows = [f"  {one.name}: made with {one.made_with}, here {one.here}" for one in found]
        raise DataError(
            f"{name} is refused: its environment is another.\n" + "\n".join(rows) + "\n"
            "Next: make setup, or install the requirements.txt that lies in the bundle"
        )


def _same_code(name: str, files: archive.Files, study: Project) -> None:
    """Refuse a bundle whose feature code is another than the study's."""
    for part, content in files.items():
        if part.endswith(".py") and archive.sha256(content) != _hash(study.root / part):
            raise DataError(
                f"{name} is refused: {part} is another than the one that it was made with."
                " Next: dvc repro, or check out the commit of its version"
            )


def _hash(path: Path) -> str:
    return of_file(path) if path.is_file() else ""
