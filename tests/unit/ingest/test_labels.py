"""Labels are joined to a batch, and kept when it is imported again."""

import pandas as pd
import pytest
from batches import SCHEMA, SPEC, rows

from headrace.errors import DataError
from headrace.ingest import batch, labels


def known_labels(table: pd.DataFrame) -> list[object]:
    """Return a batch's labels, None where one is not known."""
    return [None if label is pd.NA else label for label in table["late"]]


def test_labels_are_joined_by_key_and_known_ones_stay() -> None:
    table = batch.normalize(rows(late=[None, True, None, None]), SCHEMA, SPEC)
    update = rows()[["day", "id"]].assign(late=[True, False, None, None]).iloc[[0, 1, 2]]
    unmatched = update.tail(1).assign(id=99, late=True)
    joined, summary = labels.join(table, pd.concat([update, unmatched]), SPEC)
    assert known_labels(joined) == [True, False, None, None]
    assert "labels known for 2 of 4 rows, 1 of them changed" in summary
    assert "not in the batch: 1 row" in summary
    assert len(joined) == 4


def test_labels_are_joined_by_request_and_bring_the_key() -> None:
    served = rows(request=["a", "a", "b", "b"], row=[0, 1, 0, 1]).drop(columns=["day", "id"])
    table = batch.normalize(served, SCHEMA, SPEC)
    update = rows(request=["b", "b", "a", "a"], row=[1, 0, 1, 0], late=[True, False, True, False])
    joined, _ = labels.join(table, update.drop(columns=["carrier", "seats"]), SPEC)
    assert joined["late"].tolist() == [False, True, False, True]
    assert joined["id"].tolist() == update["id"].tolist()[::-1]


def served_batch() -> tuple[pd.DataFrame, pd.DataFrame]:
    """A batch that a server answered, and what turned out for all of its rows."""
    names = {"request": ["a", "a", "b", "b"], "row": [0, 1, 0, 1]}
    table = batch.normalize(rows(**names).drop(columns=["day", "id"]), SCHEMA, SPEC)
    update = rows(**names, late=[True, False, False, True]).drop(columns=["carrier", "seats"])
    return table, update


@pytest.mark.parametrize("first", [2, 3])
def test_labels_in_two_parts_give_the_same_batch_as_in_one(first: int) -> None:
    table, update = served_batch()
    partial, summary = labels.join(table, update.head(first), SPEC)
    assert summary == f"labels known for {first} of 4 rows"
    complete, summary = labels.join(partial, update.iloc[2:], SPEC)  # a row may be there twice
    assert summary == "labels known for 4 of 4 rows"
    pd.testing.assert_frame_equal(complete, labels.join(table, update, SPEC)[0])
    assert complete["id"].dtype == "int64"
    by_key, summary = labels.join(complete, update.drop(columns=["request", "row"]), SPEC)
    assert summary == "labels known for 4 of 4 rows"
    pd.testing.assert_frame_equal(by_key, complete)


def test_an_incomplete_key_joins_nothing() -> None:
    table, update = served_batch()
    partial, _ = labels.join(table, update.head(2), SPEC)
    with pytest.raises(
        DataError, match=r"2 rows of the batch without day or id.*by request and row$"
    ):
        labels.join(partial, update.drop(columns=["request", "row"]), SPEC)
    normalized = batch.normalize(partial, SCHEMA, SPEC)  # it is a batch all the same
    pd.testing.assert_frame_equal(normalized, partial)


def test_rows_of_the_file_without_a_match_are_counted() -> None:
    table, update = served_batch()
    partial, _ = labels.join(table, update.head(2), SPEC)
    rows_of_file = pd.concat([update.tail(3), update.tail(2).assign(request="c")])
    assert labels.join(partial, rows_of_file, SPEC)[1] == (
        "labels known for 4 of 4 rows; not in the batch: 2 rows"
    )


def test_a_batch_imported_again_keeps_the_labels_joined_since() -> None:
    table, update = served_batch()
    joined, _ = labels.join(table, update.head(3), SPEC)
    assert labels.check_unchanged(joined, table, "b", SPEC) is joined
    with pytest.raises(DataError, match=r"exists, with other rows. Next: --replace"):
        labels.check_unchanged(joined, table.head(3), "b", SPEC)
    with pytest.raises(DataError, match=r"late differs in 1 row. Next: .*--truth b"):
        labels.check_unchanged(joined, table.assign(late=joined["late"].fillna(True)), "b", SPEC)
    replaced, summary = labels.replace(joined, table, "b", SPEC, forget=False)
    pd.testing.assert_frame_equal(replaced, joined)
    assert summary == "Replaced 4 rows; labels of 3 rows kept"


def test_labels_of_a_replacing_batch_win_and_none_is_lost_silently() -> None:
    old = batch.normalize(rows(late=[True, False, True, None], note="x"), SCHEMA, SPEC)
    new = batch.normalize(rows(late=[None, True, None, None]).iloc[[3, 1, 0]], SCHEMA, SPEC)
    with pytest.raises(DataError, match="the labels of 1 row would be lost"):
        labels.replace(old, new, "b", SPEC, forget=False)
    replaced, summary = labels.replace(old, new, "b", SPEC, forget=True)
    assert known_labels(replaced) == [None, True, True]
    assert summary == (
        "Replaced 4 rows; 1 removed; labels of 1 row kept; labels of 1 row removed;"
        " columns removed: note"
    )


def test_rows_that_match_no_old_row_get_no_label() -> None:
    table, update = served_batch()
    joined, _ = labels.join(table, update.head(2), SPEC)
    by_key = batch.normalize(rows(), SCHEMA, SPEC)
    replaced, _ = labels.replace(joined, by_key, "b", SPEC, forget=False)  # by the joined keys
    assert known_labels(replaced) == [True, False, None, None]
    for new in (table.assign(request="z"), by_key.assign(id=["1a", "2a", "3a", "4a"])):
        with pytest.raises(DataError, match="the labels of 2 rows would be lost"):
            labels.replace(joined, new, "b", SPEC, forget=False)


@pytest.mark.parametrize(
    ("update", "message"),
    [
        (rows(), r"The file has no column late\. Next: add the labels"),
        (rows(lat=True), r"no column late\. Did you mean lat\? Next: add the labels"),
        (rows(request="a", row=0, prediction=0.5), "It is a server's log. Next: .* --batch NAME"),
        (rows(late=True).drop(columns="id"), "share neither day, id nor request and row"),
        (rows(late=True, id=[7, 8, 9, 7]), "No row is in the batch"),
        (rows(late=True, id=[1, 1, 1, 1]), "1 duplicate row, by"),
    ],
)
def test_labels_that_match_nothing_are_refused(update: pd.DataFrame, message: str) -> None:
    table = batch.normalize(rows(), SCHEMA, SPEC)
    with pytest.raises(DataError, match=message):
        labels.join(table, update, SPEC)
