"""What a command line gives to `headrace run` is read as a shell would."""

import pytest

from headrace.core import shell


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("headrace run train", ["train"]),
        ("curl http://x/#top -o a && headrace run train", ["train"]),
        ("echo a#b && headrace run train # twice", ["train"]),
        ("echo '# no' && headrace run train", ["train"]),
        ("echo ${#a} && headrace run train", ["train"]),
        ("headrace run train 10> log 2>&1", ["train"]),
        ("headrace run train --lr 0.1", ["train", "--lr", "0.1"]),
        ("bash -lc 'headrace run train # x'", ["train"]),
    ],
)
def test_a_command_s_words_are_those_that_the_shell_gives_it(line: str, words: list[str]) -> None:
    assert [*shell.runs(line)] == [words]


@pytest.mark.parametrize("line", ["# headrace run train", "echo x # headrace run train"])
def test_a_comment_runs_nothing(line: str) -> None:
    assert [*shell.runs(line)] == []
