"""Bearer tokens with scopes: made here, kept as hashes in a file, and checked for each request.

`python -m headrace.serve.tokens NAME [SCOPE ...]` makes one where only a bundle is installed.
"""

import hashlib
import hmac
import re
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from headrace.errors import HeadraceError, unreadable

SCOPES = ("predict", "metrics", "admin")
TOKEN_BYTES = 32
"""Random bytes of a token: enough for an unsalted hash."""
SHA256 = re.compile("[0-9a-f]{64}")
MAKE_TOKENS = (
    "headrace token NAME >> tokens, or without a study"
    " python -m headrace.serve.tokens NAME >> tokens"
)
MISSING = (0, 0, 0)
"""The stamp of a tokens file that is not there."""


@dataclass(frozen=True)
class Token:
    """One line of the tokens file."""

    name: str
    scopes: frozenset[str]
    sha256: str


def create_token(name: str, scopes: list[str]) -> tuple[str, str]:
    """Return a new token, and its line for the tokens file.

    Errors:
        HeadraceError: a scope is unknown, or the name has other characters than letters, digits,
            hyphens and underscores.
    """
    unknown = sorted({*scopes} - {*SCOPES})
    if unknown or not scopes:
        raise HeadraceError(f"No scope {', '.join(unknown)}. Next: any of {', '.join(SCOPES)}")
    if not name or not name.replace("-", "").replace("_", "").isalnum():
        raise HeadraceError(f"Invalid token name {name!r}. Next: use letters, digits, - and _")
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return token, f"{name} {','.join(scopes)} {_sha256(token)}"


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


class Tokens:
    """The tokens of a file, which is read again when it changes."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Errors:
            HeadraceError: it cannot be read, or a line is malformed.
        """
        self._path = path
        self._tokens, self._last_stamp = self._read(), self._stamp()

    def scopes(self, token: str) -> frozenset[str]:
        """Return the scopes of a token, in constant time; none where it is unknown."""
        self._refresh()
        digest, scopes = _sha256(token), frozenset[str]()
        for entry in self._tokens:  # to the end, also after a match: time must not tell the place
            if hmac.compare_digest(entry.sha256, digest):
                scopes = entry.scopes
        return scopes

    def _refresh(self) -> None:
        """Read the file again if it changed; a malformed file changes nothing."""
        stamp = self._stamp()
        if stamp == MISSING != self._last_stamp:
            self._tokens = []
            print(f"{self._path} is gone: NO TOKEN is valid. Next: put the file back", flush=True)
        elif stamp != self._last_stamp:
            try:
                self._tokens = self._read()
            except HeadraceError as error:
                print(f"The previous tokens stay valid. {error}", flush=True)
        self._last_stamp = stamp

    def _stamp(self) -> tuple[int, int, int]:
        try:
            status = self._path.stat()
        except OSError:
            return MISSING
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _read(self) -> list[Token]:
        try:
            lines = self._path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            step = "Next: see whose file it is, or headrace token NAME"
            raise HeadraceError(f"{unreadable(self._path, error)}. {step}") from None
        numbered = [(number, line.split()) for number, line in enumerate(lines, 1)]
        return [self._parse(n, words) for n, words in numbered if words and words[0][0] != "#"]

    def _parse(self, number: int, words: list[str]) -> Token:
        scopes = words[1].split(",") if len(words) == 3 else []
        if not scopes or not {*scopes} <= {*SCOPES} or not SHA256.fullmatch(words[2].lower()):
            raise HeadraceError(
                f"{self._path}:{number} is not NAME SCOPES SHA256. Next: headrace token NAME"
            )
        return Token(words[0], frozenset(scopes), words[2].lower())


def print_token(name: str, scopes: Sequence[str]) -> None:
    """Print a new token's line for the tokens file, and the token itself on standard error.

    Errors:
        HeadraceError: a scope is unknown, or the name is not valid.
    """
    token, line = create_token(name, [*scopes] or [SCOPES[0]])
    print(f"The token, shown this once: {token}", file=sys.stderr)
    print(line)


@click.command("python -m headrace.serve.tokens")
@click.argument("name")
@click.argument("scopes", nargs=-1)
def main(name: str, scopes: tuple[str, ...]) -> None:
    """Make a token for the server, as `headrace token` does.

    SCOPES are predict, metrics and admin; by default predict.
    """
    try:
        print_token(name, scopes)
    except HeadraceError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
