"""Who may ask what: bearer tokens, of which a file has names, scopes and hashes alone."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from headrace.errors import HeadraceError

SCOPES = ("predict", "metrics", "admin")
LENGTH = 32
"""Bytes of a token: so many that a plain hash is enough."""
HASH = re.compile("[0-9a-f]{64}")
GONE = (0, 0, 0)


@dataclass(frozen=True)
class Token:
    """One line of the file."""

    name: str
    scopes: frozenset[str]
    sha256: str


def make(name: str, scopes: list[str]) -> tuple[str, str]:
    """Return a new token, which is shown once, and the line for the file.

    Errors:
        HeadraceError: a scope is unknown, or the name is no plain word.
    """
    unknown = sorted({*scopes} - {*SCOPES})
    if unknown or not scopes:
        raise HeadraceError(f"No scope {', '.join(unknown)}. Next: any of {', '.join(SCOPES)}")
    if not name or not name.replace("-", "").replace("_", "").isalnum():
        raise HeadraceError(f"{name!r} is no name for a token. Next: letters, digits, - and _")
    token = secrets.token_urlsafe(LENGTH)
    return token, f"{name} {','.join(scopes)} {_sha256(token)}"


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


class Tokens:
    """The tokens of a file, read again when it changes."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Errors:
            HeadraceError: it cannot be read, or a line is not as it must be.
        """
        self._path = path
        self._known, self._seen = self._read(), self._stamp()

    def scopes(self, given: str) -> frozenset[str]:
        """Return what a token may ask; nothing where it is none. Takes as long for any."""
        self._renew()
        hashed, found = _sha256(given), frozenset[str]()
        for token in self._known:
            if hmac.compare_digest(token.sha256, hashed):
                found = token.scopes
        return found

    def _renew(self) -> None:
        """Read the file again where it has changed; a broken one changes nothing."""
        stamp = self._stamp()
        if stamp == GONE != self._seen:
            self._known = []
            print(f"{self._path} is gone: NO TOKEN is valid. Next: put the file back", flush=True)
        elif stamp != self._seen:
            try:
                self._known = self._read()
            except HeadraceError as error:
                print(f"{error} The tokens stay as they were.", flush=True)
        self._seen = stamp

    def _stamp(self) -> tuple[int, int, int]:
        try:
            status = self._path.stat()
        except OSError:
            return GONE
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _read(self) -> list[Token]:
        try:
            lines = self._path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise HeadraceError(f"{self._path} cannot be read: {error}.") from None
        numbered = [(number, line.split()) for number, line in enumerate(lines, 1)]
        return [self._token(n, words) for n, words in numbered if words and words[0][0] != "#"]

    def _token(self, number: int, words: list[str]) -> Token:
        scopes = words[1].split(",") if len(words) == 3 else []
        if not scopes or not {*scopes} <= {*SCOPES} or not HASH.fullmatch(words[2].lower()):
            raise HeadraceError(
                f"{self._path}:{number} is not NAME SCOPES SHA256. Next: headrace token NAME"
            )
        return Token(words[0], frozenset(scopes), words[2].lower())
