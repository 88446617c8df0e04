"""The server answers those who may ask: tokens, this machine, no other web page."""

import base64
import http.client
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import Server, serve

from headrace.serve import middleware, tokens
from lab import bake


@pytest.fixture(scope="module")
def server(quick: Path) -> Iterator[Server]:
    """A server on the quick study's bundle."""
    with serve(quick) as server:
        yield server


def test_without_a_token_of_the_right_scope_nothing_is_answered(
    quick: Path, tmp_path: Path, input_rows: list[dict[str, Any]]
) -> None:
    file, secrets = tmp_path / "tokens", {}
    lines = ["# who may ask"]
    for name in tokens.SCOPES:
        secrets[name], line = tokens.create_token(name, [name])
        lines.append(line)
    file.write_text("\n".join(lines) + "\n", "utf-8")
    with serve(quick, "--tokens", str(file)) as server:
        for path in ("/", "/predict", "/readyz", "/version", "/metrics", "/openapi.json"):
            for token in ("", "x", secrets["admin"]):
                status, content = server.request(path, token=token)
                assert (status, content["detail"][0]["reason"]) == (401, "no_right"), path
        assert server.request("/predict", input_rows[0], token=secrets["predict"])[0] == 200
        assert server.request("/metrics", token=secrets["metrics"])[0] == 200
        assert server.request("/reload", {}, token=secrets["predict"])[0] == 401
        assert server.request("/reload", {}, token=secrets["admin"])[0] == 200
        assert "headrace_denied_total 19" in server.request("/metrics", token=secrets["metrics"])[1]
        file.write_text(lines[1] + "\n", "utf-8")
        assert server.request("/metrics", token=secrets["metrics"])[0] == 401
        file.write_text("broken\n", "utf-8")
        assert server.request("/predict", input_rows[0], token=secrets["predict"])[0] == 200
        file.unlink()
        for _ in range(3):
            assert server.request("/predict", input_rows[0], token=secrets["predict"])[0] == 401
        file.write_text(lines[1] + "\n", "utf-8")
        assert server.request("/predict", input_rows[0], token=secrets["predict"])[0] == 200
        server.process.terminate()
        assert server.process.stdout is not None
        assert server.process.stdout.read().count("tokens is gone: NO TOKEN is valid. Next: ") == 1


def test_requests_from_another_web_page_are_refused(
    server: Server, quick: Path, tmp_path: Path, input_rows: list[dict[str, Any]]
) -> None:
    origin, plain = f"http://127.0.0.1:{server.port}", {"Content-Type": "text/plain"}
    foreign: list[dict[str, str]] = [{"Origin": "https://evil.example"}, {"Origin": "null"}]
    foreign += [
        {"Origin": origin, "Sec-Fetch-Site": "cross-site"},
        {"Origin": f"{origin}.evil.example"},
    ]
    foreign += [{"Host": "evil.example"}, {"Host": f"127.0.0.1.evil.example:{server.port}"}]
    for headers in foreign:
        for path in ("/reload", "/predict", "/"):
            status, content = server.request(path, input_rows[0], **plain, **headers)
            assert (status, content["detail"][0]["reason"]) == (403, "foreign"), (path, headers)
            assert "Next: " in content["detail"][0]["says"]
    rebound = {"Host": "evil.example", "Origin": "http://evil.example"}
    assert server.request("/predict", input_rows[0], **rebound)[0] == 403
    assert server.request("/metrics", Host="evil.example")[0] == 403
    for host in ("localhost", "localhost:9", "127.0.0.2", "[::1]:80", "a.localhost", "here"):
        assert server.request("/predict", input_rows[0], Host=host)[0] == 200, host
    proxied = {"Origin": "https://models.example", "Sec-Fetch-Site": "same-origin"}
    for headers in ({"Origin": origin}, proxied):
        assert server.request("/predict", input_rows[0], **headers)[0] == 200
    secret, line = tokens.create_token("ada", ["predict"])
    (tmp_path / "tokens").write_text(line + "\n", "utf-8")
    proxy = {"Host": "models.example", "X-Forwarded-For": "203.0.113.7"}
    with serve(quick, "--tokens", str(tmp_path / "tokens")) as secured:
        foreign_page = {"Origin": "https://app.example"}
        assert (
            secured.request("/predict", input_rows[0], token=secret, **proxy, **foreign_page)[0]
            == 200
        )
        credentials = base64.b64encode(f"me:{secret}".encode()).decode()
        basic = {"Authorization": f"Basic {credentials}", **proxy}
        assert secured.request("/", b"", **basic, **foreign_page)[0] == 403
        assert secured.request("/", b"", **basic, Origin="https://models.example")[0] == 200
    with serve(quick, "--insecure") as insecure:
        assert insecure.request("/predict", input_rows[0], **proxy)[0] == 200
        assert insecure.request("/predict", input_rows[0], **proxy, **foreign_page)[0] == 403


def test_an_ipv6_address_is_printed_in_brackets(quick: Path) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with serve(quick, "--host", "::1") as server:
        connection = http.client.HTTPConnection("::1", server.port, timeout=60)
        connection.request("GET", "/version")
        assert connection.getresponse().status == 200
        connection.close()


def test_only_exact_paths_are_served(server: Server, quick: Path, tmp_path: Path) -> None:
    secret, line = tokens.create_token("ada", ["predict"])
    (tmp_path / "tokens").write_text(line + "\n", "utf-8")
    with serve(quick, "--tokens", str(tmp_path / "tokens")) as secured:
        for served in middleware.REQUIRED_SCOPE:
            similar = [f"{served}{end}" for end in ("%0A", "%0D", "%20")]
            similar += [f"/{served}", f"{served}/"]
            for path in similar:
                body = {} if served in ("/", "/predict", "/reload") else None
                assert server.request(path, body)[0] == 404, path
                assert secured.request(path, body, token=secret)[0] == 404, path
            assert secured.request(similar[0])[0] == 404, similar[0]


def test_a_request_through_a_proxy_is_not_from_this_machine(server: Server) -> None:
    for name, value in (("X-Forwarded-For", "127.0.0.1"), ("Forwarded", "for=127.0.0.1")):
        assert server.request("/reload", {}, **{name: value})[0] == 401
    assert server.request("/healthz", **{"X-Forwarded-For": "203.0.113.7"})[0] == 200


def test_beyond_loopback_the_server_needs_tokens_or_insecure(quick: Path) -> None:
    words = ("headrace", "serve", "--port", "0", "--host", "0.0.0.0")
    result = bake.run(quick, *words, check=False)
    assert result.returncode == 1
    assert "anybody could ask, and there are no tokens. Next: headrace token NAME" in result.stdout
    with serve(quick, "--host", "0.0.0.0", "--insecure") as server:
        assert server.request("/healthz")[0] == 200
