"""Read a bundle: every byte is checked before any of the model's is understood."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from headrace.bundle import archive, code_loader, environment, golden, skops_io
from headrace.core import artifact
from headrace.core.project import Project
from headrace.errors import DataError
from headrace.schema import json_schema

if TYPE_CHECKING:
    from headrace.core.project import Project

FORMAT = 1


@dataclass(frozen=True)
class Bundle:
    """A bundle that was checked, with its model, ready to answer."""

    name: str
    files: archive.Files
    manifest: dict[str, Any]
    model: Any
    answer: Callable[[Any, pd.DataFrame], Any]
    """Takes the model and inputs, and returns predictions."""
    told: Callable[[str], str] = str
    """Gives a message of its code's in the names that the bundle has for its modules."""

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of one row of inputs, as it can be held to."""
        return json_schema.normalize(
            self._json("schema.json"), f"{self.name} is refused: schema.json"
        )

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
        return np.asarray(self.answer(self.model, table), dtype="float64")

    def replay(self) -> int:
        """Predict the golden rows again, and return how many there are.

        Errors:
            DataError: a prediction is not what it was, and a table shows which; or its code fails.
        """
        rows = json.loads(self.files["golden.json"])
        expected = np.array([row[golden.PREDICTION] for row in rows], dtype="float64")
        inputs = golden.frame(rows, self.schema)
        try:
            predicted = self.predict(inputs)
        except Exception as error:  # its code can fail in any way
            raise DataError(
                f"{self.name} is refused: its code fails on the golden rows:"
                f" {type(error).__name__}: {self.told(str(error))}."
                " Next: mend it in src, and dvc repro"
            ) from None
        found = golden.differences(expected, predicted)
        if len(found):
            raise DataError(
                f"{self.name} is refused: {len(found)} of {len(rows)} golden rows come out"
                f" otherwise here.\n{golden.format_differences(found)}\nNext: answer from"
                " the environment that it was made in: uv pip sync requirements.lock"
            )
        return len(rows)


def read_files(path: Path) -> tuple[archive.Files, dict[str, Any]]:
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


def read_manifest(path: Path) -> dict[str, Any]:
    """Return a bundle's manifest, after every byte of the bundle was checked; see `checked`."""
    return read_files(path)[1]


def load(path: Path, study: "Project | None" = None) -> Bundle:
    """Load a bundle: checked, of this environment, its golden rows replayed.

    In a study it must have been made with the study's own code. Without one its own code answers,
    which lies in it, whatever else is installed.

    Nothing of the model is read before all hashes are right; and of the model only the types that
    the code lists, whatever the file asks for.

    Errors:
        DataError: it is not as it was written, or would answer otherwise here.
    """
    files, known = read_files(path)
    _same_environment(path.name, known)
    if study is None:
        found = code_loader.load_code(path.name, files, known["doors"])
    else:
        _same_code(path.name, files, study)
        found = code_loader.Code(study.load("predict"), study.load("trusted"))
    try:
        model = skops_io.loads(
            files["model.skops"], path.name, trusted=found.trusted, named=found.inside
        )
    except DataError as error:
        raise DataError(found.outside(str(error))) from None
    bundle = Bundle(path.name, files, known, model, found.predict, found.outside)
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


def _same_code(name: str, files: archive.Files, study: "Project") -> None:
    """Refuse a bundle whose feature code is another than the study's."""
    for part, content in code_loader.study_modules(files).items():
        here = study.root / part
        if not here.is_file() or here.read_bytes() != content:
            raise DataError(
                f"{name} is refused: {part} is another than the one that it was made with."
                " Next: dvc repro, or check out the commit of its version"
            )


pass


def print_summary(project: Project, file: Path | None) -> None:
    """Load a bundle, default the one that dvc.yaml names, and print what it holds.

    Errors:
        DataError: it is refused; the part or the difference is named.
        ProjectError: no file is named, and dvc.yaml names none.
    """
    path = file or default_path(project)
    for line in _summary(load(path, project)):
        print(line)


def default_path(project: Project) -> Path:
    """Return the bundle that dvc.yaml lists first under `artifacts`.

    Errors:
        ProjectError: it lists none.
    """
    return project.root / next(iter(artifact.artifacts(project.root).values()))


def _summary(bundle: Bundle) -> Iterator[str]:
    environment = bundle.manifest["environment"]
    sizes = sorted(((len(content), name) for name, content in bundle.files.items()), reverse=True)
    yield f"{bundle.name}: {sum(size for size, _ in sizes) / 2**20:.1f} MiB, every byte as written"
    for size, name in sizes:
        yield f"  {size:>11,}  {name}"
    packages = len(environment["packages"])
    yield f"Python {environment['python']} and {packages} packages are here as where it was made."
    yield f"Its {bundle.replay()} golden rows come out again."
