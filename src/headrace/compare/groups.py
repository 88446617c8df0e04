"""The error rates of groups of rows, for the gates on them."""

from typing import NamedTuple

from headrace.compare.predictions import Table
from headrace.gates.model import GroupGate, Predictions
from headrace.stats.scores import SCORES, plain


class Rate(NamedTuple):
    """A group's rate among so many of its rows."""

    group: str
    rate: float
    rows: int


BEHIND = {
    "false_negative_rate": lambda label, said: label,
    "recall": lambda label, said: label,
    "false_positive_rate": lambda label, said: 1 - label,
    "precision": lambda label, said: said,
    "accuracy": lambda label, said: label * 0 + 1,
}
"""For each rate the rows that it is a share of."""


def rates(table: Table, spec: Predictions, group: GroupGate) -> tuple[float, list[Rate]]:
    """Return the rate of all rows, and that of each group with enough rows behind it."""
    label, said = table.numbers(spec.label), table.numbers(group.recipe.column)
    codes, names = table.groups(group.column)
    among = BEHIND[group.recipe.score](label, said)
    whole = plain(SCORES[group.recipe.score](label, said), table.rows)
    found = []
    for code, name in sorted(enumerate(names), key=lambda one: one[1]):
        mine = codes == code
        behind = int(among[mine].sum())
        if behind >= group.min_rows:
            rate = plain(SCORES[group.recipe.score](label[mine], said[mine]), int(mine.sum()))
            found.append(Rate(name, rate, behind))
    return whole, found
