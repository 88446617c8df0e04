"""The phrases that messages share."""

import pytest

from headrace import errors


@pytest.mark.parametrize(
    ("error", "phrase"),
    [
        (FileNotFoundError(2, "No such file or directory", "x"), "a.csv is missing"),
        (PermissionError(13, "Permission denied", "x"), "a.csv cannot be read: Permission denied"),
        (ValueError("no header\nin line 1"), "a.csv cannot be read: no header"),
        (ValueError(), "a.csv cannot be read: ValueError"),
    ],
)
def test_a_file_that_cannot_be_read_has_one_phrase(error: Exception, phrase: str) -> None:
    assert errors.unreadable("a.csv", error) == phrase


def test_only_a_near_name_is_suggested() -> None:
    assert errors.nearest("trian", ["train", "evaluate"]) == " Did you mean train?"
    assert errors.nearest("monitor", ["train", "evaluate"]) == ""


def test_a_long_list_ends_in_a_number() -> None:
    assert errors.join_names("abcde", 2) == "a, b and 3 more"
    assert errors.join_names("ab", 2) == "a, b"
