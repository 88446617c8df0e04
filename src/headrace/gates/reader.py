"""Read gates.yaml, and refuse a mistake with its line, the nearest name and the next step.

By hand: pydantic would make a shallow diff three quarters slower; see CONTRIBUTING.md.
"""

import math
import re
from collections.abc import Collection, Iterator
from typing import Any, NoReturn

from headrace.core import yaml
from headrace.core.metrics import is_number
from headrace.core.yaml import Key
from headrace.errors import ProjectError, nearest
from headrace.gates.live import Level, Rule
from headrace.gates.model import (
    ALL_STAGES,
    NAME,
    RATES,
    SCORES,
    Approvals,
    Gate,
    Gates,
    GroupGate,
    Predictions,
    Tolerance,
    line_of,
)
from headrace.stats import Recipe

BLOCKS = ("metrics", "predictions", "groups", "approvals", "live")
GATE_SETTINGS = ["better", "tolerance", "at_least", "at_most", "must_exist", "significant", "is"]
RULE_SETTINGS = ["figure", "above", "below", "batches", "min_rows", "level", "do"]
NOT_SET = object()
NUMBER = r"\d+(?:\.\d*)?"
MAX_BATCHES = 1000
"""Batches that a live rule may look back."""
MAX_NAME = 200
"""Characters of a live rule's name, which becomes the subject of a message."""


def parse(text: bytes) -> Gates:
    """Read gates.yaml.

    Errors:
        ProjectError: it is not YAML, or a setting is unknown or does not fit; the line is named.
    """
    root = _Block(text, (), yaml.parse(text, NAME))
    root.allow_only(BLOCKS)
    metrics = tuple(
        _gate(gate, str(file.key), str(gate.key))
        for file in root.block("metrics").blocks()
        for gate in file.blocks()
    )
    groups = tuple(
        _group_gate(gate, str(column.key))
        for column in root.block("groups").blocks()
        for gate in column.blocks()
    )
    predictions = _predictions(root.block("predictions")) if root.get("predictions") else None
    if predictions is None and (groups or any(gate.recipe for gate in metrics)):
        step = "say in a block `predictions` which file, key and label"
        root.fail("gates are computed from predictions, and none are named", step)
    approvals = _approvals(root.block("approvals"))
    rules = tuple(_live_rule(rule) for rule in root.block("live").blocks())
    return Gates(metrics, predictions, groups, approvals, text, rules)


class _Block:
    """A mapping in gates.yaml; its line is looked up only when something is wrong there."""

    def __init__(self, text: bytes, path: tuple[Key, ...], settings: dict[str, Any]) -> None:
        self._text, self._path, self._settings = text, path, settings

    @property
    def key(self) -> Key:
        """The name under which the block stands."""
        return self._path[-1]

    def get(self, name: str, default: object = None) -> Any:
        """Return a setting as YAML has it."""
        return self._settings.get(name, default)

    def block(self, name: str) -> "_Block":
        """Return the mapping under a name; an empty one where nothing is."""
        path, settings = (*self._path, name), self.get(name)
        inner = _Block(self._text, path, {} if settings is None else settings)
        if not isinstance(inner._settings, dict):
            inner.fail(f"{name} must hold names and values", "headrace docs gates")
        return inner

    def blocks(self) -> Iterator["_Block"]:
        """Yield the mapping under each name."""
        return (self.block(name) for name in self._settings)

    def fail(self, problem: str, step: str, name: str = "") -> NoReturn:
        """Refuse the block, or one setting of it, by its line."""
        line = line_of(self._text, (*self._path, name) if name else self._path)
        end = "" if problem.endswith(("?", ".")) else "."
        raise ProjectError(f"{NAME}:{line}: {problem}{end} Next: {step}")

    def allow_only(self, allowed: Collection[str]) -> None:
        """Refuse a setting that is not among the allowed ones."""
        for name in self._settings:
            if name not in allowed:
                owner = self.key if self._path else NAME
                problem = f"{name} is not a setting of {owner}.{nearest(name, allowed)}"
                self.fail(problem, f"write one of {', '.join(allowed)}", name)

    def flag(self, name: str) -> bool:
        """Return true or false; false where it is not set."""
        value = self.get(name, False)
        if not isinstance(value, bool):
            self.fail(f"{name} is {value!r}", "write true or false", name)
        return value

    def number(
        self, name: str, *, least: float = -math.inf, step: str = "write a number"
    ) -> float | None:
        """Return a number, or None where it is not set."""
        value = self.get(name)
        if value is None:
            return None
        if not is_number(value) or value < least:
            self.fail(f"{name} is {value!r}", step, name)
        return float(value)

    def min_rows(self, default: int) -> int:
        """Return how many rows a figure needs."""
        rows = self.get("min_rows", default)
        # `type`, since in Python true is an instance of int.
        if "min_rows" in self._settings and (type(rows) is not int or rows < 1):
            self.fail(f"min_rows is {rows!r}", "write a whole number from 1", "min_rows")
        return int(rows)

    def choice(self, name: str, words: Collection[str]) -> str:
        """Return one of the words, or "" where it is not set."""
        value = self.get(name) or ""
        if value and value not in words:
            problem = f"{name} is {value!r}.{nearest(str(value), words)}"
            self.fail(problem, f"write {' or '.join(words)}", name)
        return str(value)

    def required_text(self, name: str, example: str) -> str:
        """Return a text that must be set."""
        value = self.get(name)
        if not isinstance(value, str) or not value.strip():
            problem = (
                f"it lacks its {name}"
                if value in (None, "")
                else f"its {name} is {value!r}, not a text"
            )
            self.fail(problem, f"add such as {name}: {example}", name)
        return value.strip()

    def names(self, name: str, content: str) -> tuple[str, ...] | None:
        """Return a list of names, or None where it is not set; an empty one would allow nobody."""
        value = self.get(name)
        if value is None:
            return None
        if not _are_texts(value):
            self.fail(f"{name} must list names", f"list {content}, or remove it", name)
        return tuple(item.strip() for item in value)

    def texts(self, name: str, allowed: Collection[str]) -> dict[str, str]:
        """Return a mapping of allowed names to texts."""
        inner = self.block(name)
        inner.allow_only(allowed)
        return {key: str(value) for key, value in inner._settings.items()}


def _are_texts(value: object) -> bool:
    items = value if isinstance(value, list) else []
    return bool(items) and all(isinstance(item, str) and item.strip() for item in items)


def _gate(block: _Block, file: str, pattern: str) -> Gate:
    block.allow_only(GATE_SETTINGS)
    step = "write a number, or 2 % of tolerance"
    recipe = block.get("is", NOT_SET)  # `is:` with nothing behind it is a mistake, too
    gate = Gate(
        file,
        pattern,
        better=block.choice("better", ("higher", "lower")),
        tolerance=_tolerance(block, step),
        at_least=block.number("at_least", step=step),
        at_most=block.number("at_most", step=step),
        must_exist=block.flag("must_exist"),
        significant=block.flag("significant"),
        recipe=None if recipe is NOT_SET else _recipe(block, recipe, SCORES, "is"),
    )
    if (gate.tolerance or gate.significant) and not gate.better:
        block.fail("a tolerance, or significant, needs a direction", "add better: higher")
    return gate


def _tolerance(block: _Block, step: str) -> Tolerance | None:
    value = block.get("tolerance")  # YAML has `2 %` as a text, and `0.02` as a number
    share = re.fullmatch(rf"({NUMBER})\s*%", value.strip()) if isinstance(value, str) else None
    if share:
        return Tolerance(float(share[1]) / 100, relative=True)
    amount = block.number("tolerance", least=0, step=step)
    return None if amount is None else Tolerance(amount, relative=False)


def _recipe(block: _Block, text: object, allowed: Collection[str], name: str = "") -> Recipe:
    """Return the recipe that `SCORE of COLUMN` names."""
    score, _, column = (part.strip() for part in str(text).partition(" of "))
    if score not in allowed:
        near = nearest(score, allowed) or f" Known are {', '.join(allowed)}."
        block.fail(f"{score!r} is not a score.{near}", "write such as roc_auc of COLUMN", name)
    if not column:
        block.fail(f"{text!r} names no column", f"write {score} of COLUMN", name)
    return Recipe(score, column)


def _group_gate(block: _Block, column: str) -> GroupGate:
    block.allow_only(("at_most", "min_rows"))
    text = str(block.get("at_most", ""))  # YAML has 0.2 as a number, and the other form as a text
    bound = re.fullmatch(rf"({NUMBER})( times the whole)?", text.strip())
    if bound is None:
        step = "write at_most: 1.25 times the whole, or a number"
        block.fail(f"at_most is {text!r}", step, "at_most")
    rows = block.min_rows(1)
    recipe = _recipe(block, block.key, RATES)
    return GroupGate(column, recipe, float(bound[1]), bound[2] is not None, rows)


def _predictions(block: _Block) -> Predictions:
    block.allow_only(("file", "key", "label", "cluster", "prices", "answers"))
    for name in ("file", "label"):
        if not isinstance(block.get(name), str):
            block.fail(f"it lacks its {name}", f"add {name}: NAME")
    key = block.get("key")
    if not _are_texts(key):
        block.fail("key must list columns", "name those that identify a row", "key")
    return Predictions(
        block.get("file"),
        tuple(key),
        block.get("label"),
        str(block.get("cluster") or ""),
        block.texts("prices", ("missed", "false_alarm")),
        block.texts("answers", ("prediction", "positive")),
    )


def _approvals(block: _Block) -> Approvals:
    block.allow_only(("another_person", "approvers", "signed", "stages"))
    stages = block.names("stages", "the stages' names")
    return Approvals(
        another_person=block.flag("another_person"),
        approvers=block.names("approvers", "their e-mail addresses"),
        signed=block.flag("signed"),
        stages=ALL_STAGES if stages is None else stages,
    )


def _live_rule(block: _Block) -> Rule:
    block.allow_only(RULE_SETTINGS)
    name = str(block.key).strip()
    if not name or len(str(block.key)) > MAX_NAME:
        step = "say in a few words what it means when it fires"
        block.fail(f"a live rule needs a name of 1 to {MAX_NAME} letters", step)
    figure = block.required_text("figure", "drift.psi_prediction")
    if not re.fullmatch(r"[^\s.]+(\.[^\s.]+)+", figure):
        step = "write a name such as drift.psi_prediction"
        block.fail(f"{figure!r} is not a figure of a batch", step, "figure")
    violations, batches = _window(block)
    bound, above = _bound(block)
    block.required_text("level", " or ".join(Level))  # a rule without a level would be lost
    level = Level(block.choice("level", [*Level]))
    action = block.required_text("do", "look at the page: make monitor")
    min_rows = block.min_rows(0)
    return Rule(name, figure, bound, above, level, action, violations, batches, min_rows)


def _bound(block: _Block) -> tuple[float, bool]:
    """Return the bound of a live rule, and whether it is an upper one."""
    settings = [(block.number(name), name == "above") for name in ("above", "below")]
    present = [(value, above) for value, above in settings if value is not None]
    if len(present) != 1:
        problem = "both above and below" if present else "neither above nor below"
        block.fail(f"it says {problem}", "write one of them, with a number")
    return present[0]


def _window(block: _Block) -> tuple[int, int]:
    """Return k and n of `k of n` batches."""
    text = block.get("batches", "1 of 1")
    # ASCII: \d stands for the digits of every script, and int() reads them all.
    match = re.fullmatch(r"\s*([1-9]\d{0,3}) of ([1-9]\d{0,3})\s*", str(text), re.ASCII)
    if match is None or not int(match[1]) <= int(match[2]) <= MAX_BATCHES:
        step = f"write such as 2 of 3: how many of the last batches, {MAX_BATCHES:,} at most"
        block.fail(f"batches is {text!r}", step, "batches")
    return int(match[1]), int(match[2])
