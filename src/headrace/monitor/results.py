"""What the stage `monitor` found, read for those who show it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from headrace.core import yaml
from headrace.errors import DataError, ProjectError
from headrace.gates import reader as gatesfile
from headrace.gates.live import Light, Rule, Verdict, evaluate, lights
from headrace.gates.model import NAME

FILE = "metrics/monitor.json"
TABLES = {
    "drift": "plots/drift.csv",
    "quality": "plots/quality.csv",
    "groups": "plots/live_groups.csv",
    "notes": "plots/notes.csv",
}
PICTURES = ("money", "moved")


@dataclass(frozen=True)
class Found:
    """Figures by batch, what the rules say of them, and the tables and pictures beside them."""

    root: Path
    figures: Mapping[str, Mapping[str, Any]]
    rules: tuple[Rule, ...]
    verdicts: list[Verdict]
    tables: dict[str, pd.DataFrame]
    pictures: dict[str, str]
    """SVG by name."""
    behind: list[str]
    """Batches of params.yaml that the stage has not judged yet."""

    @property
    def lights(self) -> dict[str, dict[str, Light]]:
        """For each batch and check the loudest word of the rules."""
        return lights(self.verdicts)

    @property
    def checks(self) -> list[str]:
        """What the rules look at."""
        return [*dict.fromkeys(check for row in self.lights.values() for check in row)]


def read(root: Path) -> Found:
    """Read what the stage wrote, and judge it by the rules of gates.yaml.

    Errors:
        DataError: it has not been run, or what it wrote cannot be read.
        ProjectError: gates.yaml or params.yaml is not as it must be.
    """
    try:
        figures = json.loads((root / FILE).read_text("utf-8"))
        tables = {name: table(root / file) for name, file in TABLES.items()}
        pictures = {one: (root / f"plots/{one}.svg").read_text("utf-8") for one in PICTURES}
    except (OSError, ValueError) as error:
        step = "Next: dvc repro monitor"
        raise DataError(f"The monitor's figures cannot be read ({error}). {step}") from None
    gates = root / NAME
    rules = gatesfile.parse(gates.read_bytes()).live if gates.is_file() else ()
    behind = [name for name in _batches(root) if name not in _judged(figures, tables["notes"])]
    return Found(root, figures, rules, evaluate(rules, figures), tables, pictures, behind)


def table(path: Path) -> pd.DataFrame:
    """Read a table that the stage wrote; a batch's name is text, be it 01, 1e5 or NA.

    Errors:
        OSError, ValueError: it cannot be read.
    """
    found = pd.read_csv(path)
    if "batch" in found:
        found["batch"] = pd.read_csv(path, usecols=["batch"], dtype=str, keep_default_na=False)
    return found


def _batches(root: Path) -> list[str]:
    found = yaml.lookup(yaml.read(root / "params.yaml"), "monitor.batches")
    if not isinstance(found, list):
        raise ProjectError(
            "params.yaml has no monitor.batches. Next: add it as the template has it"
        )
    return [str(one) for one in found]


def _judged(figures: Mapping[str, Any], notes: pd.DataFrame) -> set[str]:
    """Return the batches that have figures, or of which it is said why they have none."""
    return {*figures, *notes["batch"]}
