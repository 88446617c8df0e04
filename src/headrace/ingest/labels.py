"""What turned out, joined to a batch by what tells its rows apart."""

import pandas as pd

from headrace.errors import DataError
from headrace.gates.model import Predictions
from headrace.ingest import match_rows, types
from headrace.schema import infer


def join(known: pd.DataFrame, told: pd.DataFrame, spec: Predictions) -> tuple[pd.DataFrame, str]:
    """Return a batch with what turned out, and in words what is new.

    The table may tell of some rows only, and bring columns that the batch lacks, such as the
    study's key for rows that a server answered; a key that the batch has in part is filled in.
    What was known already and is not told stays.

    Errors:
        DataError: no row is one of the batch's, it does not say what turned out, or a value is not
            of its column's type.
    """
    if spec.label not in told:
        raise DataError(f"The file has no column {spec.label}. Next: add what turned out")
    by = match_rows.shared(known, told, spec)
    found = match_rows.places(known, told, by)
    if not (found >= 0).any():
        raise DataError(f"No row is one of the batch's, by {', '.join(by)}. Next: name its batch")
    brought = match_rows.taken(_read(known, told, spec), found)
    old = before(known, spec)
    after = brought[spec.label].fillna(old)
    changed = int((after != old).fillna(False).sum())
    said = f"truth known for {after.notna().sum():,} of {len(known):,} rows"
    said += f", {changed:,} of them told otherwise than before" if changed else ""
    strangers = len(told) - int((found >= 0).sum())
    said += f"; {strangers:,} rows of the file are none of the batch's" if strangers else ""
    return with_columns(known, brought, spec).assign(**{spec.label: after}), said


def with_columns(known: pd.DataFrame, brought: pd.DataFrame, spec: Predictions) -> pd.DataFrame:
    """Return a batch with the columns that it lacks, and its key where it lacked some of it.

    `brought` has a row for each of the batch's. All else that the batch has stays as it is.

    Errors:
        DataError: a value is not of its column's type.
    """
    made = known.copy(deep=False)
    for name in brought.columns.drop(spec.label, errors="ignore"):
        own = name in (*spec.key, spec.cluster)
        if name not in known:
            made[name] = infer.infer(brought[name]) if own else brought[name]
        elif own and known[name].isna().any():
            there = infer.infer(known[name])
            filled = there.where(there.notna(), infer.convert_like(brought[name], there))
            made[name] = infer.infer(filled)
    return made


def _read(known: pd.DataFrame, told: pd.DataFrame, spec: Predictions) -> pd.DataFrame:
    """Return a table's truth, and the columns that a batch lacks or has in part, in their types."""
    names = (*spec.key, spec.cluster)
    read = {
        name: infer.convert_like(told[name], infer.infer(known[name]))
        for name in names
        if name in known and name in told
    }
    new = [name for name in told.columns if name not in known or name == spec.label]
    return pd.DataFrame({**read, **types.beside(told, new, spec)})


def before(known: pd.DataFrame, spec: Predictions) -> pd.Series:
    """Return what a batch knows of the truth, missing where it knows nothing."""
    nothing = pd.Series(pd.NA, index=known.index, dtype="boolean")
    return known[spec.label].astype("boolean") if spec.label in known else nothing
