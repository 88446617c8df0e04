"""The `headrace run` in a command line, as a shell would read it."""

import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator
from itertools import pairwise

OPERATORS = "();<>|&\n"
"""What ends a word, and, but for a redirection, the command."""
DESCRIPTOR = re.compile(r"(?<!\S)\d+(?=[<>])")
"""The 2 of `2>&1`."""
COMMENT = re.compile(r"""('[^']*'|"(?:\\.|[^"\\])*")|(?<!\S)#[^\n]*""")
"""A comment; what is quoted holds none."""
SHELL = re.compile(r"(ba|da|k|z|)sh")
SCRIPT = re.compile(r"-[a-z]*c")
"""The option of a shell before the commands that it runs, such as -c or -lc."""


def runs(line: str) -> Iterator[list[str]]:
    """Yield the words that the commands of a line give to each `headrace run`.

    So do those in `bash -c '…'`. A line with a quotation mark too many, which a shell refuses, has
    none.
    """
    text = COMMENT.sub(lambda found: found[1] or "", line.replace("\\\n", " "))
    text = DESCRIPTOR.sub("", text)
    lexer = shlex.shlex(text, posix=True, punctuation_chars=OPERATORS)
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    try:
        words = list(lexer)
    except ValueError:
        return
    is_shell = False
    for place, (word, following) in enumerate(pairwise(words)):
        is_shell = is_shell or bool(SHELL.fullmatch(posixpath.basename(word)))
        if posixpath.basename(word) == "headrace" and following == "run":
            yield [*_of_command(words[place + 2 :])]
        elif is_shell and SCRIPT.fullmatch(word):
            yield from runs(following)


def _of_command(words: Iterable[str]) -> Iterator[str]:
    """Yield the words up to the command's end, without redirections and what they are to."""
    rest = iter(words)
    for word in rest:
        if not {*word} <= {*OPERATORS}:
            yield word
        elif not {*word} & {*"<>"} or "(" in word or "(" in next(rest, ""):
            return
