"""What turned out, joined to a batch by what tells its rows apart."""

import pandas as pd

from headrace.diff.rules import Predictions
from headrace.errors import DataError
from headrace.live import batch


def join(known: pd.DataFrame, told: pd.DataFrame, spec: Predictions) -> tuple[pd.DataFrame, str]:
    """Return a batch with what turned out, and in words what is new.

    The table may tell of some rows only, and bring columns that the batch lacks, such as the
    study's key for rows that a server answered. What was known already and is not told stays.

    Errors:
        DataError: no row is one of the batch's, or it does not say what turned out.
    """
    if spec.label not in told:
        raise DataError(f"The file has no column {spec.label}. Next: add what turned out")
    by = _shared(known, told, spec)
    answers = told.assign(**{spec.label: batch.truths(told[spec.label])})
    more = [name for name in told.columns if name not in known and name != spec.label]
    joined = known[by].merge(answers[[*by, spec.label, *more]], on=by, how="left")
    found = joined[spec.label].astype("boolean").set_axis(known.index)
    before = _before(known, spec)
    if not (told[by].merge(known[by], on=by)).shape[0]:
        raise DataError(f"No row is one of the batch's, by {', '.join(by)}. Next: name its batch")
    after = found.fillna(before)
    changed = int((after != before).fillna(False).sum())
    made = known.assign(**{name: joined[name].set_axis(known.index) for name in more})
    said = f"truth known for {after.notna().sum():,} of {len(known):,} rows"
    said += f", {changed:,} of them told otherwise than before" if changed else ""
    strangers = len(told) - len(told[by].merge(known[by], on=by))
    said += f"; {strangers:,} rows of the file are none of the batch's" if strangers else ""
    return made.assign(**{spec.label: after}), said


def _shared(known: pd.DataFrame, told: pd.DataFrame, spec: Predictions) -> list[str]:
    """Return the columns that tell rows apart in both tables."""
    for names in (spec.key, batch.REQUEST):
        if {*names} <= {*known.columns} and {*names} <= {*told.columns}:
            return batch.key(told[[*names]], spec)
    raise DataError(
        f"The batch and the file share neither {', '.join(spec.key)} nor"
        f" {' and '.join(batch.REQUEST)}. Next: add the columns by which its rows are known"
    )


def _before(known: pd.DataFrame, spec: Predictions) -> pd.Series:
    nothing = pd.Series(pd.NA, index=known.index, dtype="boolean")
    return known[spec.label].astype("boolean") if spec.label in known else nothing
