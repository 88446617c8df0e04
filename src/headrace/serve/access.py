"""Who may send a request: the token that it bears, and the Host and Origin of browsers.

Without tokens, what a browser on this machine sends has to be told from what its user wants: any
web page can make it send requests to 127.0.0.1, and can point a name of its own there.
"""

import base64
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import Request

LOOPBACK = ("127.", "::1", "::ffff:127.")
"""How addresses of this machine begin; the last is IPv4 as a socket of IPv6 sees it."""
SAME_SITE = ("same-origin", "none")
"""`Sec-Fetch-Site` of a request from our own page, or from the address bar.

Source: W3C, Fetch Metadata Request Headers.
"""


def read_token(request: Request, *, basic: bool) -> str:
    """Return the token that a request bears; `basic`: a password of HTTP Basic is one too.

    Source: RFC 6750, 2.1 (Bearer), and RFC 7617, 2 (Basic).
    """
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
