"""A batch that is there already: the same again, or another in its place with the truth it had."""

from pathlib import Path

import pandas as pd

from headrace.errors import DataError
from headrace.gates.model import Predictions
from headrace.ingest import batch, labels, match_rows
from headrace.ingest.types import ANSWERS


def is_there(root: Path, name: str) -> bool:
    """Tell whether a study has a batch of this name, be it pulled or not."""
    where = root / batch.file(name)
    return where.exists() or where.with_name(f"{where.name}.dvc").exists()


def same(old: pd.DataFrame, made: pd.DataFrame, name: str, spec: Predictions) -> pd.DataFrame:
    """Return the batch that is there, with the truth it has got since, where it is made again.

    Errors:
        DataError: it is another one, or its truth is told otherwise.
    """
    where = batch.file(name)
    names = [one for one in made if one != spec.label]
    if not {*names} <= {*old.columns} or not old[names].equals(made[names]):
        raise DataError(
            f"{where} is there already, and is another. Next: --replace, which keeps the truth"
            " that is known, or --batch"
        )
    told, known = labels.before(made, spec), labels.before(old, spec)
    otherwise = int((told.notna() & ~(told == known).fillna(False)).sum())
    if otherwise:
        raise DataError(
            f"{where} is there already, and {spec.label} is told otherwise in {otherwise:,} rows."
            f" Next: headrace ingest FILE --truth {name}, or --replace"
        )
    return old


def instead(
    old: pd.DataFrame, made: pd.DataFrame, name: str, spec: Predictions, *, forget: bool
) -> tuple[pd.DataFrame, str]:
    """Return a batch in the place of an old one, with the truth and the key that this one knew.

    What the new one says of the truth itself counts more. In words: what was carried over, and
    what is gone.

    Errors:
        DataError: truth that is known would go, and is not to be forgotten.
    """
    found = match_rows.again(made, old, spec)
    brought = match_rows.taken(old, found)
    told, known = labels.before(made, spec), labels.before(brought, spec)
    lost = int(labels.before(old, spec).notna().sum() - known.notna().sum())
    if lost and not forget:
        raise DataError(
            f"{batch.file(name)}: the truth of {lost:,} rows would go, since they are not in what"
            " comes in their place. Next: add them, or --replace --forget-truth"
        )
    names = [one for one in old if one in (*spec.key, spec.cluster)]
    made = labels.with_columns(made, brought[names], spec)
    if spec.label in made or spec.label in old:
        made = made.assign(**{spec.label: told.fillna(known)})
    carried = int((told.isna() & known.notna()).sum())
    gone = len(old) - int((found >= 0).sum())
    return made, _said(old, made, carried=carried, lost=lost, gone=gone)


def _said(old: pd.DataFrame, made: pd.DataFrame, *, carried: int, lost: int, gone: int) -> str:
    without = [str(one) for one in old if one not in (*made.columns, *ANSWERS)]
    return "; ".join(
        [
            f"It is in the place of {len(old):,} rows" + (f", {gone:,} are gone" if gone else ""),
            *([f"the truth of {carried:,} rows is carried over"] if carried else []),
            *([f"the truth of {lost:,} rows is forgotten"] if lost else []),
            *([f"without the column {', '.join(without)}"] if without else []),
        ]
    )
