"""Whether a table can be split into rows that are learned and rows that judge."""

import pandas as pd

from headrace.errors import DataError
from headrace.scaffold.columns import Role
from headrace.scaffold.plan import Plan
from headrace.scaffold.task import Task

MIN_ROWS = 20
TEST_SHARE = 0.25


def refuse(plan: Plan) -> None:
    """Refuse a plan whose models would have nothing to learn from, or nothing to be judged by.

    Errors:
        DataError: it has few rows, or its time or groups leave one side without rows or classes.
    """
    if not plan.has_model:
        return
    table = plan.reading.table[plan.reading.table[plan.target].notna()]
    if len(table) < MIN_ROWS:
        raise DataError(
            f"{plan.file} has {len(table)} rows with a target, too few to learn from and to judge:"
            f" {MIN_ROWS} at least. Next: add rows, or --task none"
        )
    if plan.time and plan.groups:
        raise DataError(
            "--time and --group ask for two ways to set rows aside. Next: leave one of them out"
        )
    if plan.time:
        _refuse_time(plan, table)
    for group in plan.groups:
        _refuse_group(plan, table, group)


def _refuse_time(plan: Plan, table: pd.DataFrame) -> None:
    time = plan.time
    roles = {column.name: column for column in plan.columns}
    if roles[time].role not in (Role.TIME, Role.NUMBER, Role.ID):
        raise DataError(
            f"{time!r} is no time: its values are of no format that is known."
            " Next: write them as 2026-11-29 or 2026-11-29 12:30, or name another --time"
        )
    if roles[time].missing:
        raise DataError(f"{time!r} has gaps, so rows cannot be put in order. Next: fill them first")
    test = table[time] > table[time].quantile(1 - TEST_SHARE, interpolation="lower")
    if not test.any():
        share = (table[time] == table[time].max()).mean()
        raise DataError(
            f"{share:.0%} of the rows have the latest {time!r}, so no later ones can judge."
            " Next: name a finer --time, or leave it out"
        )
    if plan.task == Task.REGRESSION:
        return
    for name, side in (("latest", table[test]), ("earlier", table[~test])):
        if side[plan.target].nunique() < 2:
            raise DataError(
                f"The {name} rows by {time!r} are all {side[plan.target].iloc[0]!s}, so a model"
                " cannot be judged there. Next: leave --time out, or take more rows"
            )


def _refuse_group(plan: Plan, table: pd.DataFrame, group: str) -> None:
    if group == plan.target:
        raise DataError(f"{group!r} is the target. Next: name another --group")
    if table[group].isna().any():
        raise DataError(f"{group!r} has gaps, so rows belong nowhere. Next: fill them first")
    if table[group].nunique() < 4:
        raise DataError(
            f"{group!r} has {table[group].nunique()} values: too few groups to set some aside."
            " Next: leave --group out, or name another"
        )
