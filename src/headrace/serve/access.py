"""Who may send a request: bearer tokens with scopes, and the Host and Origin of browsers.

A tokens file holds names, scopes and hashes. Without tokens, what a browser on this machine sends
has to be told from what its user wants: any web page can make it send requests to 127.0.0.1, and
can point a name of its own there.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request

from headrace.errors import HeadraceError, unreadable

SCOPES = ("predict", "metrics", "admin")
TOKEN_BYTES = 32
"""Random bytes of a token: enough for an unsalted hash."""
SHA256 = re.compile("[0-9a-f]{64}")
MISSING = (0, 0, 0)
"""The stamp of a tokens file that is not there."""
LOOPBACK = ("127.", "::1", "::ffff:127.")
SAME_SITE = ("same-origin", "none")
"""`Sec-Fetch-Site` of a request from our own page, or from the address bar."""


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
        for entry in self._tokens:
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
                print(f"{error} The previous tokens stay valid.", flush=True)
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
            raise HeadraceError(f"{unreadable(self._path, error)}.") from None
        numbered = [(number, line.split()) for number, line in enumerate(lines, 1)]
        return [self._parse(n, words) for n, words in numbered if words and words[0][0] != "#"]

    def _parse(self, number: int, words: list[str]) -> Token:
        scopes = words[1].split(",") if len(words) == 3 else []
        if not scopes or not {*scopes} <= {*SCOPES} or not SHA256.fullmatch(words[2].lower()):
            raise HeadraceError(
                f"{self._path}:{number} is not NAME SCOPES SHA256. Next: headrace token NAME"
            )
        return Token(words[0], frozenset(scopes), words[2].lower())


def read_token(request: Request, *, basic: bool) -> str:
    """Return the token that a request bears; `basic`: a password of HTTP Basic is one too."""
    kind, _, credentials = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return credentials.strip()
    if kind.lower() != "basic" or not basic:
        return ""
    try:
        return base64.b64decode(credentials, validate=True).decode("utf-8").partition(":")[2]
    except ValueError:
        return ""


def is_local_client(request: Request) -> bool:
    """Return whether this machine asks for itself: a proxy on it asks for others."""
    host = request.client.host if request.client else ""
    forwarded = "forwarded" in request.headers or "x-forwarded-for" in request.headers
    return host.startswith(LOOPBACK) and not forwarded


def is_cross_site(request: Request) -> bool:
    """Return whether a web page other than ours made a browser send this request."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site and origin:  # the browser's own view; a proxy may have changed the host
        return site not in SAME_SITE
    return bool(origin) and _netloc(origin or "") != request.headers.get("host", "").lower()


def is_local_host(host: str) -> bool:
    """Return whether a Host header names this machine.

    A name without a dot counts: public DNS has none, so only this machine or its network has it.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if "." not in name and ":" not in name:
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name.endswith(".localhost")


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
