"""Check a table against its pandera schema, and say every breach at once."""

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from headrace.errors import DataError

EXAMPLES = 3
WHOLE_COLUMN = {
    "column_in_dataframe": "the column is missing",
    "column_in_schema": "the column is not in the contract",
}


def check(table: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Return the table as the schema wants it.

    Errors:
        DataError: one line per breach: column, rule, how many rows, and examples of the values.
    """
    if table.empty:
        raise DataError(f"The table {schema.name!r} has no rows. Next: see what was read")
    try:
        # A label that stands twice in the index makes pandera's own report fail.
        return schema.validate(table.reset_index(drop=True), lazy=True).set_axis(table.index)
    except SchemaErrors as error:
        lines = _breaches(error.failure_cases)
    raise DataError(
        f"The table {schema.name!r} ({len(table):,} rows) breaks its contract:\n"
        + "\n".join(lines)
        + "\nNext: mend the data, or change the contract in src/study/schema.py on purpose"
    )


def _breaches(cases: pd.DataFrame) -> list[str]:
    """Return one line per column and rule, the widest column name setting the width."""
    whole_column = cases["check"].isin(WHOLE_COLUMN)
    columns = cases["column"].where(~whole_column, cases["failure_case"]).astype(str)
    wrong_type = set(columns[cases["check"].astype(str).str.startswith("dtype(")])
    width = max(map(len, columns))
    return [
        f"  {column:{width}}  {_breach(str(rule), group, len(group))}"
        for (column, rule), group in cases.groupby([columns, "check"], dropna=False, sort=False)
        # A check of values fails on a column of a wrong type, but says nothing more.
        if column not in wrong_type or str(rule).startswith("dtype(")
    ]


def _breach(rule: str, group: pd.DataFrame, count: int) -> str:
    if rule in WHOLE_COLUMN:
        return WHOLE_COLUMN[rule]
    examples = ", ".join(list(dict.fromkeys(map(str, group["failure_case"])))[:EXAMPLES])
    if rule.startswith("dtype("):
        return f"{rule} is wanted, not {examples}"
    return f"{rule}: {count:,} row{'s' if count > 1 else ''}, such as {examples}"
