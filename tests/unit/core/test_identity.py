"""Persons and moments, as git writes them."""

import pytest

from headrace.core import identity
from headrace.core.identity import Person


def test_a_line_of_git_has_person_time_and_zone() -> None:
    moment = identity.parse("Ada L <ada@example.org> 1357000000 +0100")
    assert moment.person == Person("Ada L", "ada@example.org")
    assert (moment.time, moment.zone) == (1357000000, "+0100")


@pytest.mark.parametrize("line", ["", "Ada", "Ada <ada@example.org>", "Ada <a> x +0000"])
def test_a_broken_line_is_nobody_at_no_time(line: str) -> None:
    moment = identity.parse(line)
    assert (moment.person.email, moment.time) == ("", 0)


def test_a_person_is_the_same_by_address_in_any_case() -> None:
    assert Person("Ada", "Ada@Example.org").is_same(Person("A. L.", "ada@example.org"))
    assert not Person("Ada", "ada@example.org").is_same(Person("Ada", "ada@example.com"))


def test_the_author_is_read_from_a_commit_s_header() -> None:
    header = "tree 1\nauthor Ada <ada@example.org> 1 +0000\ncommitter Ben <b@example.org> 2 +0000"
    assert str(identity.author_of(header).person) == "Ada <ada@example.org>"
