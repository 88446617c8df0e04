"""Load a bundle: every byte is checked before any of the model is read."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from headrace.bundle import archive, code_loader, environment, golden, skops_io
from headrace.errors import DataError, unreadable
from headrace.schema import json_schema

if TYPE_CHECKING:
    from headrace.core.project import Project

FORMAT = 1


@dataclass(frozen=True)
class Bundle:
    """A checked bundle with its model, ready to predict."""

    name: str
    files: archive.Files
    manifest: dict[str, Any]
    model: Any
    answer: Callable[[Any, pd.DataFrame], Any]
    """Takes the model and inputs, and returns predictions."""
    public_names: Callable[[str], str] = str
    """Returns a message of its code with the bundle's own names for its modules."""

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of one row of inputs, normalized."""
        return json_schema.normalize(
            self._json("schema.json"), f"{self.name} is refused: schema.json"
        )

    @property
    def hashed_name(self) -> str:
        """The file's name with the manifest's hash, which tells bundles of one name apart."""
        return f"{self.name} {archive.sha256(self.files[archive.MANIFEST])[:8]}"

    @property
    def facts(self) -> dict[str, Any]:
        """The model's threshold and metrics."""
        return self._json("facts.json")

    @property
    def example(self) -> dict[str, Any]:
        """One row of valid inputs: the golden one with the fewest missing values."""
        rows: list[dict[str, Any]] = json.loads(self.files["golden.json"])
        complete = min(rows, key=lambda row: sum(value is None for value in row.values()))
        return {name: complete[name] for name in self.schema["properties"]}

    @property
    def baseline(self) -> dict[str, Any]:
        """The distribution of each input that the model learned from."""
        return self._json("baseline.json")

    def _json(self, part: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.files[part])
        return content

    def predict(self, table: pd.DataFrame) -> golden.Vector:
        """Return the model's prediction of each row, shape (rows,)."""
        return np.asarray(self.answer(self.model, table), dtype="float64")

    def replay(self) -> int:
        """Predict the golden rows again, and return how many there are.

        Errors:
            DataError: predictions differ, and a table shows which; or the bundle's code fails.
        """
        rows = json.loads(self.files["golden.json"])
        expected = np.array([row[golden.PREDICTION] for row in rows], dtype="float64")
        inputs = golden.frame(rows, self.schema)
        try:
            predicted = self.predict(inputs)
        except Exception as error:  # its code can fail in any way
            raise DataError(
                f"{self.name} is refused: its code fails on the golden rows:"
                f" {type(error).__name__}: {self.public_names(str(error))}."
                " Next: fix it in src, and dvc repro"
            ) from None
        differences = golden.differences(expected, predicted)
        if len(differences):
            raise DataError(
                f"{self.name} is refused: {len(differences)} of {len(rows)} golden predictions"
                f" differ.\n{golden.format_differences(differences)}\nNext: install the"
                " environment that it was made in: uv pip sync requirements.lock"
            )
        return len(rows)


def load(path: Path, study: "Project | None" = None) -> Bundle:
    """Load a bundle: check its bytes and its environment, and replay its golden rows.

    In a study the bundle must have been made with the study's own code. Without a study the code
    in the bundle predicts, whatever else is installed.

    The model is read only after all hashes are right, and it may hold only the types that the code
    lists, whatever its file asks for.

    Errors:
        DataError: the bundle was changed, or would predict otherwise here.
    """
    files, manifest = read_files(path)
    _require_environment(path.name, manifest)
    if study is None:
        code = code_loader.load_code(path.name, files, manifest["doors"])
    else:
        _require_code(path.name, files, study)
        code = code_loader.Code(study.load("predict"), study.load("trusted"))
    try:
        model = skops_io.loads(
            files["model.skops"], path.name, trusted=code.trusted, rename=code.private_name
        )
    except DataError as error:
        raise DataError(code.public_names(str(error))) from None
    bundle = Bundle(path.name, files, manifest, model, code.predict, code.public_names)
    bundle.replay()
    return bundle


def read_files(path: Path) -> tuple[archive.Files, dict[str, Any]]:
    """Return a bundle's files and its manifest, after every byte was checked.

    Errors:
        DataError: the file is missing, or a part of it was changed; the part is named.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        step = "Next: name a bundle's file; the study's own: dvc checkout, or dvc repro"
        raise DataError(f"{unreadable(path.name, error)}. {step}") from None
    files = archive.unseal(content, path.name)
    manifest: dict[str, Any] = json.loads(files[archive.MANIFEST])
    if manifest.get("headrace_bundle") != FORMAT:
        raise DataError(
            f"{path.name} is not a bundle of format {FORMAT}. Next: install the headrace version"
            " that made it, or dvc repro"
        )
    return files, manifest


def read_manifest(path: Path) -> dict[str, Any]:
    """Return a bundle's manifest, after every byte of the bundle was checked; see `read_files`."""
    return read_files(path)[1]


def default_path(project: "Project") -> Path:
    """Return the bundle that dvc.yaml lists first under `artifacts`.

    Errors:
        ProjectError: it lists none.
    """
    from headrace.core import artifact  # reads YAML, which a bundle's own environment lacks

    return project.root / next(iter(artifact.artifacts(project.root).values()))


def print_summary(project: "Project", file: Path | None) -> None:
    """Load a bundle, by default the one that dvc.yaml names, and print what it holds.

    Errors:
        DataError: it is refused; the part or the difference is named.
        ProjectError: no file is named, and dvc.yaml names none.
    """
    for line in _summary(load(file or default_path(project), project)):
        print(line)


def _summary(bundle: Bundle) -> Iterator[str]:
    made_in = bundle.manifest["environment"]
    sizes = sorted(((len(content), name) for name, content in bundle.files.items()), reverse=True)
    yield f"{bundle.name}: {sum(size for size, _ in sizes) / 2**20:.1f} MiB, all hashes match"
    for size, name in sizes:
        yield f"  {size:>11,}  {name}"
    yield f"Python {made_in['python']} and {len(made_in['packages'])} packages match."
    yield f"{bundle.replay()} golden predictions match."


def _require_environment(name: str, manifest: dict[str, Any]) -> None:
    differences = environment.differences(manifest["environment"])
    if differences:
        lines = "\n".join(f"  {line}" for line in differences)
        raise DataError(
            f"{name} is refused: environment mismatch.\n{lines}\n"
            "Next: make setup, or install the requirements.txt of the bundle"
        )


def _require_code(name: str, files: archive.Files, study: "Project") -> None:
    """Refuse a bundle whose feature code differs from the study's."""
    for part, content in code_loader.study_modules(files).items():
        path = study.root / part
        if not path.is_file() or path.read_bytes() != content:
            raise DataError(
                f"{name} is refused: {part} differs from the one that it was made with."
                " Next: dvc repro, or check out the commit of its version"
            )
