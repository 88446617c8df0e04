"""Check a table against its pandera schema, and report all violations at once."""

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from headrace.errors import DataError

EXAMPLES = 3
COLUMN_CHECKS = {
    "column_in_dataframe": "the column is missing",
    "column_in_schema": "the column is not in the contract",
}


def check(table: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Return the table with the schema's types.

    Errors:
        DataError: one line per violation: column, rule, number of rows, and examples of values.
    """
    if table.empty:
        raise DataError(f"The table {schema.name!r} has no rows. Next: check what was read")
    try:
        # A label that stands twice in the index makes pandera's own report fail.
        return schema.validate(table.reset_index(drop=True), lazy=True).set_axis(table.index)
    except SchemaErrors as error:
        lines = _violations(error.failure_cases)
    raise DataError(
        f"The table {schema.name!r} ({len(table):,} rows) violates its contract:\n"
        + "\n".join(lines)
        + "\nNext: fix the data, or change the contract in src/study/schema.py on purpose"
    )


def _violations(cases: pd.DataFrame) -> list[str]:
    """Return one line per column and rule, the widest column name setting the width."""
    is_column_check = cases["check"].isin(COLUMN_CHECKS)
    columns = cases["column"].where(~is_column_check, cases["failure_case"]).astype(str)
    wrong_type = set(columns[cases["check"].astype(str).str.startswith("dtype(")])
    width = max(map(len, columns))
    return [
        f"  {column:{width}}  {_violation(str(rule), group)}"
        for (column, rule), group in cases.groupby([columns, "check"], dropna=False, sort=False)
        # A check of values fails on a column of a wrong type, but adds nothing to that.
        if column not in wrong_type or str(rule).startswith("dtype(")
    ]


def _violation(rule: str, group: pd.DataFrame) -> str:
    if rule in COLUMN_CHECKS:
        return COLUMN_CHECKS[rule]
    examples = ", ".join(list(dict.fromkeys(map(str, group["failure_case"])))[:EXAMPLES])
    if rule.startswith("dtype("):
        return f"expected {rule}, not {examples}"
    count = len(group)
    return f"{rule}: {count:,} row{'s' if count > 1 else ''}, such as {examples}"
