"""From where a request comes: this machine, a proxy on it, or some web page in a browser on it.

A browser sends what any page on the web tells it to, to this machine too, and a page's name may be
made to lead here. So without tokens it matters which page asks, and by which name.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

Headers = Mapping[bytes, bytes]
LOOPBACK = ("127.", "::1", "::ffff:127.")
FORWARDED = {b"forwarded", b"x-forwarded-for"}
OURS = ("same-origin", "none")
"""What a browser says of a request that our own page, or the person, sends."""


def is_here(scope: Mapping[str, Any], headers: Headers) -> bool:
    """Return whether this machine asks, and for itself: a proxy on it asks for others."""
    client = scope.get("client") or ("",)
    return str(client[0]).startswith(LOOPBACK) and not headers.keys() & FORWARDED


def is_foreign(headers: Headers) -> bool:
    """Return whether another web page than ours asks; what is no browser says nothing of it."""
    site, origin = _text(headers, b"sec-fetch-site"), _text(headers, b"origin")
    if site and origin:  # what the browser saw; a proxy may have changed the host
        return site not in OURS
    return bool(origin) and _place(origin) != _text(headers, b"host").lower()


def is_this_machine(host: str) -> bool:
    """Return whether a Host names this machine, which no name of the web does.

    A name without a dot is none of the web either: it stands in this machine's or its network's
    own list.
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


def _place(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _text(headers: Headers, name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")
