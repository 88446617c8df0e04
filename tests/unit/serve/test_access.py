"""Who may send a request: tokens in its headers, this machine, and no other web page."""

import base64

import pytest
from starlette.requests import Request

from headrace.serve import access


def request(client: str = "127.0.0.1", **headers: str) -> Request:
    """Return a request with these headers; an underscore stands for a hyphen."""
    pairs = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    return Request({"type": "http", "headers": pairs, "client": (client, 1)})


def test_a_token_is_a_bearer_s_and_on_the_page_a_password() -> None:
    password = base64.b64encode(b"me:secret").decode()
    assert access.read_token(request(authorization="Bearer secret"), basic=False) == "secret"
    assert access.read_token(request(authorization=f"Basic {password}"), basic=True) == "secret"
    assert access.read_token(request(authorization=f"Basic {password}"), basic=False) == ""
    assert access.read_token(request(authorization="Basic no base64"), basic=True) == ""
    assert access.read_token(request(), basic=True) == ""


@pytest.mark.parametrize("host", ["localhost", "localhost:9", "127.0.0.2", "[::1]:80", "here", ""])
def test_a_host_without_a_public_name_is_this_machine(host: str) -> None:
    assert access.is_local_host(host)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "8.8.8.8", "[::x"])
def test_a_host_with_a_public_name_is_not_this_machine(host: str) -> None:
    assert not access.is_local_host(host)


def test_a_proxy_asks_for_others() -> None:
    assert access.is_local_client(request())
    assert not access.is_local_client(request("203.0.113.7"))
    assert not access.is_local_client(request(forwarded="for=127.0.0.1"))
    assert not access.is_local_client(request(x_forwarded_for="127.0.0.1"))


@pytest.mark.parametrize(
    ("headers", "is_foreign"),
    [
        ({}, False),
        ({"origin": "http://here", "host": "here"}, False),
        ({"origin": "http://evil.example", "host": "here"}, True),
        ({"origin": "null", "host": "here"}, True),
        ({"origin": "http://here", "host": "here", "sec_fetch_site": "cross-site"}, True),
        ({"origin": "https://proxy", "host": "here", "sec_fetch_site": "same-origin"}, False),
    ],
)
def test_a_request_from_another_web_page_is_cross_site(
    headers: dict[str, str], is_foreign: bool
) -> None:
    assert access.is_cross_site(request(**headers)) is is_foreign
