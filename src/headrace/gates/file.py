"""gates.yaml, read and checked.

By hand and not by pydantic, whose import alone takes longer than a diff of metrics.
"""

import re
from collections.abc import Iterable

from headrace.core.suggest import nearest
from headrace.core.yaml import Key
from headrace.gates.live_reader import LIVE, LiveReader
from headrace.gates.model import (
    EVERYWHERE,
    RATES,
    SCORES,
    Approvals,
    Gate,
    Gates,
    Group,
    Predictions,
    Tolerance,
)
from headrace.stats.recipe import Recipe

NUMBER = r"\d+(?:\.\d*)?"


def parse(text: bytes) -> Gates:
    """Read gates.yaml.

    Errors:
        ProjectError: it is no YAML, or holds what it does not know (the nearest name is shown) or
            what does not fit; the line is named.
    """
    return _Reader(text).gates()


class _Reader(LiveReader):
    """Reads the blocks one by one."""

    def gates(self) -> Gates:
        blocks = ("metrics", "predictions", "groups", "approvals", LIVE)
        self._known((), self._content, blocks)
        metrics = tuple(
            self._gate(("metrics", file, pattern), file, pattern)
            for file in self._mapping("metrics")
            for pattern in self._mapping("metrics", file)
        )
        groups = tuple(
            self._group(("groups", by, rate), by, rate)
            for by in self._mapping("groups")
            for rate in self._mapping("groups", by)
        )
        predictions = self._predictions() if self._content.get("predictions") else None
        if predictions is None and (groups or any(gate.recipe for gate in metrics)):
            step = "say in a block `predictions` which file, key and label"
            self._wrong((), "gates are reckoned from predictions, and none are named", step)
        live = self._live()
        return Gates(metrics, predictions, groups, self._approvals(), self._text, live)

    def _gate(self, at: tuple[Key, ...], file: str, pattern: str) -> Gate:
        own = self._mapping(*at)
        known = ("better", "tolerance", "at_least", "at_most", "must_exist", "significant", "is")
        self._known(at, own, known)
        gate = Gate(
            file,
            pattern,
            better=self._one(at, "better", ("higher", "lower")),
            tolerance=self._tolerance(at),
            at_least=self._number(at, "at_least"),
            at_most=self._number(at, "at_most"),
            must_exist=self._truth(at, "must_exist"),
            significant=self._truth(at, "significant"),
            recipe=self._recipe((*at, "is"), own["is"], SCORES) if "is" in own else None,
        )
        if (gate.tolerance or gate.significant) and not gate.better:
            self._wrong(at, "a tolerance, or significant, needs a direction", "add better: higher")
        return gate

    def _group(self, at: tuple[Key, ...], by: str, rate: str) -> Group:
        own = self._mapping(*at)
        self._known(at, own, ("at_most", "min_rows"))
        said = str(own.get("at_most", ""))
        bound = re.fullmatch(rf"({NUMBER})( times the whole)?", said.strip())
        if bound is None:
            step = "write at_most: 1.25 times the whole, or a number"
            self._wrong((*at, "at_most"), f"at_most is {said!r}", step)
        rows = self._min_rows(at, 1)
        recipe = self._recipe(at, rate, RATES)
        amount, times = float(bound[1]), bound[2] is not None
        return Group(by, recipe, at_most=amount, times=times, min_rows=rows)

    def _predictions(self) -> Predictions:
        at: tuple[Key, ...] = ("predictions",)
        own = self._mapping(*at)
        self._known(at, own, ("file", "key", "label", "cluster", "prices", "answers"))
        for name in ("file", "label"):
            if not isinstance(own.get(name), str):
                self._wrong(at, f"it does not say its {name}", f"add {name}: NAME")
        key = own.get("key")
        if not (isinstance(key, list) and key and all(isinstance(one, str) for one in key)):
            self._wrong((*at, "key"), "key must list columns", "name those that tell rows apart")
        prices = self._mapping(*at, "prices")
        self._known((*at, "prices"), prices, ("missed", "false_alarm"))
        answers = self._mapping(*at, "answers")
        self._known((*at, "answers"), answers, ("prediction", "positive"))
        words, columns = (
            {name: str(value) for name, value in said.items()} for said in (prices, answers)
        )
        return Predictions(
            own["file"], tuple(key), own["label"], str(own.get("cluster", "")), words, columns
        )

    def _approvals(self) -> Approvals:
        at: tuple[Key, ...] = ("approvals",)
        own = self._mapping(*at)
        self._known(at, own, ("another_person", "approvers", "signed", "stages"))
        approvers = self._names((*at, "approvers"), own.get("approvers"), "their e-mail addresses")
        stages = self._names((*at, "stages"), own.get("stages"), "the stages' names")
        return Approvals(
            another_person=self._truth(at, "another_person"),
            approvers=approvers,
            signed=self._truth(at, "signed"),
            stages=EVERYWHERE if stages is None else stages,
        )

    def _names(self, at: tuple[Key, ...], value: object, what: str) -> tuple[str, ...] | None:
        """Return a list of texts, None where nothing is said; an empty one would allow nobody."""
        if value is None:
            return None
        names = value if isinstance(value, list) else []
        if not names or not all(isinstance(one, str) and one.strip() for one in names):
            self._wrong(at, f"{at[-1]} must list names", f"list {what}, or take it away")
        return tuple(one.strip() for one in names)

    def _recipe(self, at: tuple[Key, ...], text: object, known: Iterable[str]) -> Recipe:
        score, _, column = (part.strip() for part in str(text).partition(" of "))
        if score not in known:
            near = nearest(score, known) or f" Known are {', '.join(known)}."
            self._wrong(at, f"{score!r} is no score.{near}", "write such as roc_auc of COLUMN")
        if not column:
            self._wrong(at, f"{text!r} names no column", f"write {score} of COLUMN")
        return Recipe(score, column)

    def _tolerance(self, at: tuple[Key, ...]) -> Tolerance | None:
        value = self._at(at).get("tolerance")
        if value is None:
            return None
        share = re.fullmatch(rf"({NUMBER})\s*%", value.strip()) if isinstance(value, str) else None
        if share:
            return Tolerance(float(share[1]) / 100, relative=True)
        return Tolerance(self._number(at, "tolerance", least=0) or 0.0, relative=False)
