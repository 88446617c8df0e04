"""The block `live` of gates.yaml, read and checked."""

import re

from headrace.core.yaml import Key
from headrace.gates.live import Level, Rule
from headrace.gates.reader import Reader

LIVE = "live"
KNOWN = ("figure", "above", "below", "batches", "min_rows", "level", "do")
MOST = 1000
"""Batches that a rule may look back."""
LONGEST = 200
"""Letters of a rule's name: it stands in the head of a message."""


class LiveReader(Reader):
    """Reads the live rules one by one."""

    def _live(self) -> tuple[Rule, ...]:
        return tuple(self._live_rule((LIVE, name), name) for name in self._mapping(LIVE))

    def _live_rule(self, at: tuple[Key, ...], name: str) -> Rule:
        own = self._mapping(*at)
        self._known(at, own, KNOWN)
        if not name.strip() or len(name) > LONGEST:
            step = "say in a few words what it means when it fires"
            self._wrong(at, f"a live rule needs a name of 1 to {LONGEST} letters", step)
        figure = self._said(at, "figure", "drift.psi_prediction")
        if not re.fullmatch(r"[^\s.]+(\.[^\s.]+)+", figure):
            step = "write a name such as drift.psi_prediction"
            self._wrong((*at, "figure"), f"{figure!r} is no figure of a batch", step)
        least, of = self._window(at)
        bound, above = self._bound(at)
        level = Level(self._said_one(at, "level", [*Level]))
        do = self._said(at, "do", "look at the page: make monitor")
        rows = self._min_rows(at, 0)
        return Rule(name.strip(), figure, bound, above, level, do, least, of, rows)

    def _bound(self, at: tuple[Key, ...]) -> tuple[float, bool]:
        said = {name: self._number(at, name, step="write a number") for name in ("above", "below")}
        given = [(value, name == "above") for name, value in said.items() if value is not None]
        if len(given) != 1:
            why = "both above and below" if given else "neither above nor below"
            self._wrong(at, f"it says {why}", "write one of them, with a number")
        return given[0]

    def _window(self, at: tuple[Key, ...]) -> tuple[int, int]:
        said = self._at(at).get("batches", "1 of 1")
        found = re.fullmatch(r"\s*([1-9]\d{0,3}) of ([1-9]\d{0,3})\s*", str(said), re.ASCII)
        if found is None or not int(found[1]) <= int(found[2]) <= MOST:
            step = f"write such as 2 of 3: how many of the last batches, {MOST:,} at most"
            self._wrong((*at, "batches"), f"batches is {said!r}", step)
        return int(found[1]), int(found[2])

    def _said(self, at: tuple[Key, ...], name: str, example: str) -> str:
        """Return a text that must be there."""
        value = self._at(at).get(name)
        if not isinstance(value, str) or not value.strip():
            what = "it does not say its" if value in (None, "") else f"{value!r} is no"
            self._wrong((*at, name), f"{what} {name}", f"add such as {name}: {example}")
        return value.strip()

    def _said_one(self, at: tuple[Key, ...], name: str, words: list[str]) -> str:
        """Return a text that must be there, and one of these words."""
        self._said(at, name, " or ".join(words))
        return self._one(at, name, words)
