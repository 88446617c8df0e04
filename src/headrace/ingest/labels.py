"""Labels of a batch: joined when they come, and kept when its rows are imported again."""

import numpy as np
import pandas as pd

from headrace.bundle.golden import PREDICTION
from headrace.errors import DataError, nearest
from headrace.gates.model import Predictions
from headrace.ingest.batch import file_name, refuse_duplicates
from headrace.ingest.types import PREDICTED, REQUEST, coerce_columns
from headrace.report.text import counted
from headrace.schema import column_types


def join(batch: pd.DataFrame, update: pd.DataFrame, spec: Predictions) -> tuple[pd.DataFrame, str]:
    """Return a batch with the labels of another table, and a summary of what changed.

    The table may hold some of the rows, and columns that the batch lacks, such as the study's key
    of rows that a server answered. A label that is known and not in the table stays.

    Errors:
        DataError: no row is in the batch, there is no label, or a value has another type.
    """
    if spec.label not in update:
        raise DataError(f"The file has no column {spec.label}. {_label_step(update, spec)}")
    key = _join_key(batch, update, spec)
    positions = _match_rows(batch, update, key)
    matched = int((positions >= 0).sum())
    if not matched:
        raise DataError(f"No row is in the batch, by {', '.join(key)}. Next: name its batch")
    rows = _take(_coerce_update(batch, update, spec), positions)
    before = _labels(batch, spec)
    after = rows[spec.label].fillna(before)
    changed, unmatched_rows = int((after != before).fillna(False).sum()), len(update) - matched
    summary = f"labels known for {after.notna().sum():,} of {counted(len(batch), 'row')}"
    summary += f", {changed:,} of them changed" if changed else ""
    summary += f"; not in the batch: {counted(unmatched_rows, 'row')}" if unmatched_rows else ""
    return _add_columns(batch, rows, spec).assign(**{spec.label: after}), summary


def _label_step(update: pd.DataFrame, spec: Predictions) -> str:
    if {*REQUEST, PREDICTION} <= {*update.columns}:
        return "It is a server's log. Next: headrace ingest FILE --batch NAME imports it"
    near = nearest(spec.label, map(str, update.columns)).lstrip()
    return f"{near} Next: add the labels".lstrip()


def check_unchanged(
    old: pd.DataFrame, new: pd.DataFrame, name: str, spec: Predictions
) -> pd.DataFrame:
    """Return the batch of this name, with its labels, where the same rows are imported again.

    Errors:
        DataError: the rows or their labels differ.
    """
    path = file_name(name)
    columns = [column for column in new if column != spec.label]
    if not {*columns} <= {*old.columns} or not old[columns].equals(new[columns]):
        raise DataError(
            f"{path} exists, with other rows. Next: --replace, which keeps the known labels, or"
            " --batch with another name"
        )
    new_labels, old_labels = _labels(new, spec), _labels(old, spec)
    changed_rows = int((new_labels.notna() & ~(new_labels == old_labels).fillna(False)).sum())
    if changed_rows:
        raise DataError(
            f"{path} exists, and {spec.label} differs in {counted(changed_rows, 'row')}."
            f" Next: headrace ingest FILE --truth {name}, or --replace"
        )
    return old


def replace(
    old: pd.DataFrame, new: pd.DataFrame, name: str, spec: Predictions, *, forget: bool
) -> tuple[pd.DataFrame, str]:
    """Return a batch with the labels and keys of the one that it replaces, and a summary.

    A label of the new batch wins over a known one.

    Errors:
        DataError: known labels would be lost, and `forget` is off.
    """
    positions = _match_old_rows(new, old, spec)
    rows = _take(old, positions)
    new_labels, old_labels = _labels(new, spec), _labels(rows, spec)
    lost = int(_labels(old, spec).notna().sum() - old_labels.notna().sum())
    if lost and not forget:
        raise DataError(
            f"{file_name(name)}: the labels of {counted(lost, 'row')} would be lost, which the new"
            " batch does not have. Next: add them, or --replace --forget-truth"
        )
    keys = [column for column in old if column in (*spec.key, spec.cluster)]
    batch = _add_columns(new, rows[keys], spec)
    if spec.label in new or spec.label in old:
        batch = batch.assign(**{spec.label: new_labels.fillna(old_labels)})
    labels_kept = int((new_labels.isna() & old_labels.notna()).sum())
    removed = len(old) - int((positions >= 0).sum())
    columns = [str(column) for column in old if column not in (*batch.columns, *PREDICTED)]
    parts = [
        f"Replaced {counted(len(old), 'row')}" + (f"; {removed:,} removed" if removed else ""),
        f"labels of {counted(labels_kept, 'row')} kept" if labels_kept else "",
        f"labels of {counted(lost, 'row')} removed" if lost else "",
        f"columns removed: {', '.join(columns)}" if columns else "",
    ]
    return batch, "; ".join(filter(None, parts))


def _labels(batch: pd.DataFrame, spec: Predictions) -> pd.Series:
    """Return a batch's labels, missing where they are not known."""
    missing = pd.Series(pd.NA, index=batch.index, dtype="boolean")
    return batch[spec.label].astype("boolean") if spec.label in batch else missing


def _add_columns(batch: pd.DataFrame, rows: pd.DataFrame, spec: Predictions) -> pd.DataFrame:
    """Return a batch with the columns that it lacks, and with gaps in its key filled.

    `rows` has a row for each of the batch's.
    """
    batch = batch.copy(deep=False)
    for name in rows.columns.drop(spec.label, errors="ignore"):
        is_key = name in (*spec.key, spec.cluster)
        if name not in batch:
            batch[name] = column_types.infer(rows[name]) if is_key else rows[name]
        elif is_key and batch[name].isna().any():
            column = column_types.infer(batch[name])
            filled = column.where(column.notna(), column_types.convert_like(rows[name], column))
            batch[name] = column_types.infer(filled)
    return batch


def _coerce_update(batch: pd.DataFrame, update: pd.DataFrame, spec: Predictions) -> pd.DataFrame:
    """Return labels and keys in the batch's types, and columns that the batch lacks."""
    keys = {
        name: column_types.convert_like(update[name], column_types.infer(batch[name]))
        for name in (*spec.key, spec.cluster)
        if name in batch and name in update
    }
    new = [name for name in update.columns if name not in batch or name == spec.label]
    return pd.DataFrame({**keys, **coerce_columns(update, new, spec)})


def _join_key(batch: pd.DataFrame, update: pd.DataFrame, spec: Predictions) -> list[str]:
    """Return the columns that identify rows in both tables: request and row, or the study's key.

    The key of rows that a server answered comes with their labels; a batch that has some of them
    cannot be joined by it.
    """
    keys = _shared_keys(batch, update, spec)
    complete = next((key for key in keys if _is_complete(batch, key)), None)
    if complete:
        return complete
    request, study_key = " and ".join(REQUEST), ", ".join(spec.key)
    if keys:
        incomplete = int(batch[keys[0]].isna().any(axis=1).sum())
        raise DataError(
            f"{counted(incomplete, 'row')} of the batch without {' or '.join(keys[0])}."
            f" Next: identify them by {request if {*REQUEST} <= {*batch.columns} else study_key}"
        )
    raise DataError(
        f"The batch and the file share neither {study_key} nor {request}."
        " Next: add the columns that identify its rows"
    )


def _shared_keys(old: pd.DataFrame, new: pd.DataFrame, spec: Predictions) -> list[list[str]]:
    columns = {*old.columns} & {*new.columns}
    return [[*key] for key in (REQUEST, spec.key) if {*key} <= columns]


def _is_complete(table: pd.DataFrame, key: list[str]) -> bool:
    return not table[key].isna().any(axis=None)


def _match_old_rows(new: pd.DataFrame, old: pd.DataFrame, spec: Predictions) -> pd.Series:
    """Return for each row of a new batch the position of the same row in the old one, or -1."""
    keys = _shared_keys(old, new, spec)
    key = next((key for key in keys if _is_complete(new, key)), None)
    unmatched = pd.Series(-1, index=new.index)
    if key is None:
        return unmatched
    complete = np.flatnonzero(old[key].notna().all(axis=1))
    try:
        positions = _match_rows(new, old.iloc[complete], key)
    except DataError:  # the old key has another type
        return unmatched
    return pd.Series(np.append(complete, -1)[positions], index=new.index)  # -1 takes the last, -1


def _match_rows(batch: pd.DataFrame, table: pd.DataFrame, key: list[str]) -> pd.Series:
    """Return for each row of a batch its position in a table, from 0; -1 where it has none.

    Errors:
        DataError: rows of the table are not identified, or by values of other types.
    """
    # An id of digits is no number: as one it would lose its leading zeros.
    keys = {
        name: (column_types.text if name == REQUEST[0] else column_types.infer)(batch[name])
        for name in key
    }
    likes = {name: column_types.convert_like(table[name], column) for name, column in keys.items()}
    table_keys = pd.DataFrame(likes)
    refuse_duplicates(table_keys, key)
    table_keys = table_keys.assign(position=np.arange(len(table_keys)))
    matched = pd.DataFrame(keys).merge(table_keys, on=key, how="left")["position"]
    return matched.fillna(-1).astype("int64").set_axis(batch.index)


def _take(table: pd.DataFrame, positions: pd.Series) -> pd.DataFrame:
    """Return the rows at these positions, missing at -1, by the index of `positions`."""
    rows = table.reset_index(drop=True)  # so that -1 is no label, and reindex makes it a gap
    return rows.reindex(positions.to_numpy()).set_axis(positions.index)
