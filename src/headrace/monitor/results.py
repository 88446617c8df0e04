"""Results of the stage `monitor`, with the verdicts of the rules in gates.yaml."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from headrace.core import yaml
from headrace.core.stage import PARAMS
from headrace.errors import DataError, ProjectError, unreadable
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
class MonitorResults:
    """Figures by batch, the rules' verdicts on them, and the stage's tables and pictures."""

    root: Path
    figures: Mapping[str, Mapping[str, Any]]
    rules: tuple[Rule, ...]
    verdicts: list[Verdict]
    tables: dict[str, pd.DataFrame]
    pictures: dict[str, str]
    """SVG by name."""
    behind: list[str]
    """Batches of params.yaml that the stage has not evaluated yet."""

    @property
    def lights(self) -> dict[str, dict[str, Light]]:
        """For each batch and check the highest level of the rules that fire."""
        return lights(self.verdicts)

    @property
    def checks(self) -> list[str]:
        """The checks that the rules read."""
        return [*dict.fromkeys(check for row in self.lights.values() for check in row)]


def read(root: Path) -> MonitorResults:
    """Read what the stage wrote, and evaluate the rules of gates.yaml.

    Errors:
        DataError: the stage has not been run, or its files cannot be read.
        ProjectError: gates.yaml or params.yaml is not valid.
    """
    try:
        figures = json.loads((root / FILE).read_text("utf-8"))
        tables = {name: table(root / file) for name, file in TABLES.items()}
        pictures = {name: (root / f"plots/{name}.svg").read_text("utf-8") for name in PICTURES}
    except (OSError, ValueError) as error:
        file = getattr(error, "filename", None)
        name = os.path.relpath(file, root) if file else FILE
        raise DataError(f"{unreadable(name, error)}. Next: dvc repro monitor") from None
    gates = root / NAME
    rules = gatesfile.parse(gates.read_bytes()).live if gates.is_file() else ()
    evaluated = {*figures, *tables["notes"]["batch"]}  # a note says why a batch has no figures
    behind = [name for name in _listed(root) if name not in evaluated]
    verdicts = evaluate(rules, figures)
    return MonitorResults(root, figures, rules, verdicts, tables, pictures, behind)


def table(path: Path) -> pd.DataFrame:
    """Read a table of the stage; a batch's name is text, also 01, 1e5 and NA.

    Errors:
        OSError, ValueError: it cannot be read.
    """
    # Read twice: the names as text, and the types of all other columns as they are found.
    content = pd.read_csv(path)
    if "batch" in content:
        content["batch"] = pd.read_csv(path, usecols=["batch"], dtype=str, keep_default_na=False)
    return content


def _listed(root: Path) -> list[str]:
    batches = yaml.lookup(yaml.read(root / PARAMS), "monitor.batches")
    if not isinstance(batches, list):
        raise ProjectError(
            "params.yaml has no monitor.batches. Next: add it as the template has it"
        )
    return [str(name) for name in batches]
