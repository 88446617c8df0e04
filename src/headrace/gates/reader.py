"""Reading gates.yaml by hand: what is wrong is said with its line and the next step."""

import math
from collections.abc import Iterable
from typing import Any, NoReturn

from headrace.core import yaml
from headrace.core.suggest import nearest
from headrace.core.yaml import Key
from headrace.errors import ProjectError
from headrace.gates.model import NAME, line

A_NUMBER = "write a number, or 2 % of tolerance"


class Reader:
    """A YAML text and its content; a place is looked up only when something is wrong there."""

    def __init__(self, text: bytes) -> None:
        self._content = yaml.parse(text, NAME)
        self._text = text

    def _truth(self, at: tuple[Key, ...], name: str) -> bool:
        value = self._at(at).get(name, False)
        if not isinstance(value, bool):
            self._wrong((*at, name), f"{name} is {value!r}", "write true or false")
        return bool(value)

    def _number(
        self, at: tuple[Key, ...], name: str, *, least: float = -math.inf, step: str = A_NUMBER
    ) -> float | None:
        value = self._at(at).get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or value < least:
            self._wrong((*at, name), f"{name} is {value!r}", step)
        return float(value)

    def _min_rows(self, at: tuple[Key, ...], otherwise: int) -> int:
        """Return how many rows a figure must have behind it."""
        if "min_rows" not in self._at(at):
            return otherwise
        rows = self._at(at)["min_rows"]
        if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:
            self._wrong((*at, "min_rows"), f"min_rows is {rows!r}", "write a whole number from 1")
        return rows

    def _one(self, at: tuple[Key, ...], name: str, words: Iterable[str]) -> str:
        value = self._at(at).get(name, "")
        if value and value not in words:
            near = nearest(str(value), words)
            self._wrong((*at, name), f"{name} is {value!r}.{near}", f"write {' or '.join(words)}")
        return str(value)

    def _mapping(self, *at: Key) -> dict[str, Any]:
        """Return the mapping at a place, empty where nothing is."""
        value = self._at(at)
        if not isinstance(value, dict):
            self._wrong(at, f"{at[-1]} must hold names and values", "see Compare in README.md")
        return value

    def _at(self, at: Iterable[Key]) -> Any:
        value: Any = self._content
        for key in at:
            value = value.get(key)
            value = {} if value is None else value
        return value

    def _known(self, at: tuple[Key, ...], own: dict[str, Any], known: Iterable[str]) -> None:
        for name in own:
            if name not in known:
                where = f"of {at[-1]}" if at else f"of {NAME}"
                near = nearest(name, known)
                step = f"write one of {', '.join(known)}"
                self._wrong((*at, name), f"{name} is no setting {where}.{near}", step)

    def _wrong(self, at: tuple[Key, ...], problem: str, step: str) -> NoReturn:
        problem = problem if problem.endswith(("?", ".")) else f"{problem}."
        raise ProjectError(f"{NAME}:{line(self._text, at)}: {problem} Next: {step}")
