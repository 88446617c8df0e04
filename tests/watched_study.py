"""A study that is monitored: live rules, figures written by hand, and receivers of messages."""

import io
import json
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from registered_study import ANN, Registered

from headrace.alerts import notify, update, webhook
from headrace.core import project
from headrace.gates import reader
from headrace.gates.live import Level, Rule
from headrace.incidents import store
from headrace.incidents.incident import Incident, Transition

RULE = """\
live:
  the predictions have moved:
    figure: drift.psi
    above: 0.25
    level: act
    do: Retrain
"""
ID = "the-predictions-have-moved-2013-10"


def rule(name: str = "it moved", **settings: Any) -> Rule:
    """Return a rule on drift.psi above 0.25, as loud as can be."""
    base: dict[str, Any] = {"figure": "drift.psi", "bound": 0.25, "above": True}
    return Rule(**{"name": name, **base, "level": Level.ACT, "do": "Retrain"} | settings)


def figures(**values: float | None) -> dict[str, dict[str, Any]]:
    """Return what monitor.json holds: oct=0.3 is drift.psi of 2013-10; None has no such figure."""
    months = {"sep": "09", "oct": "10", "nov": "11", "dec": "12"}
    return {
        f"2013-{months[name]}": {"rows": 27_000, "drift": {} if value is None else {"psi": value}}
        for name, value in values.items()
    }


@dataclass
class Watched:
    """A study under git with live rules."""

    study: Registered
    output: str = ""
    """What the last `monitor` printed, on either stream."""

    @classmethod
    def make(cls, root: Path, rules: str = RULE, settings: str = "") -> "Watched":
        """Make one without an incident, and commit it."""
        study = cls(Registered.make(root, settings=settings))
        study.study.write("gates.yaml", rules)
        study.study.train(0.8)
        study.study.commit("Begin")
        return study

    @property
    def root(self) -> Path:
        """The study's folder."""
        return self.study.root

    def update(self, **values: float | None) -> list[Transition]:
        """Bring the incidents up to date with these figures, by the rules of gates.yaml."""
        rules = reader.parse((self.root / "gates.yaml").read_bytes()).live
        return update.update(self.root, figures(**values), rules)

    def monitor(self, *, issue: bool = False, **values: float | None) -> list[str]:
        """Do what `headrace monitor` does with figures; return what standard output heard."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            notify.notify(project.find_project(self.root), self.update(**values), issue=issue)
        self.output = out.getvalue() + err.getvalue()
        return [line for line in out.getvalue().splitlines() if not line.startswith(" ")]

    def incidents(self) -> dict[str, Incident]:
        """Return the incidents as their files hold them."""
        return store.read(self.root)

    def only(self) -> Incident:
        """Return the one incident that there is."""
        (incident,) = self.incidents().values()
        return incident

    def opened(self, person: str = ANN) -> Incident:
        """Have October fire, and commit that."""
        self.monitor(oct=0.3)
        self.study.commit("Record the incident", person=person)
        return self.only()

    def rewrite(self, text: str, by: str) -> None:
        """Edit the incident's file by hand."""
        path = self.root / store.file_name(ID)
        content = path.read_text("utf-8")
        assert text in content
        path.write_text(content.replace(text, by), "utf-8")


@dataclass
class Receiver:
    """A receiver of webhooks on this machine, which answers with its status."""

    status: int = 200
    location: str = ""
    heard: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""


@contextmanager
def receiver(status: int = 200, location: str = "") -> Iterator[Receiver]:
    """Start a receiver, and end it."""
    hook = Receiver(status, location)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            hook.heard.append(json.loads(self.rfile.read(size)))
            self.send_response(hook.status)
            if hook.location:
                self.send_header("Location", hook.location)
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        hook.url = f"http://127.0.0.1:{server.server_port}/services/s3cret"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield hook
        server.shutdown()
        thread.join()


@contextmanager
def answering(answer: bytes | None) -> Iterator[str]:
    """Answer every caller with these bytes, or, with None, never; yield the place as host:port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        if answer is not None:
            thread = threading.Thread(target=_answer, args=(server, answer), daemon=True)
            thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"


def _answer(server: socket.socket, answer: bytes) -> None:
    try:
        while True:
            caller, _ = server.accept()
            with caller:
                caller.recv(65536)
                caller.sendall(answer)
    except OSError:  # the test is over
        return


def nobody() -> str:
    """Return a place, as host:port, where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


GH = """\
#!{python}
import json, pathlib, sys
state = pathlib.Path(__file__).with_name("github.json")
known = json.loads(state.read_text())
path, words = sys.argv[2], sys.argv[3:]
method = words[words.index("--method") + 1]
if known["refuses"] == method:
    sys.exit(1)
fields = dict(word.split("=", 1) for word in words if "=" in word and word != "body=@-")
content = {{"body": sys.stdin.read(), **fields}} if "body=@-" in words else None
known["asked"].append([method, path])
if method == "GET":
    print("".join(json.dumps([one]) for one in known["issues"]) or "[]")
elif method == "POST":
    number = 1 + max([0, *(one["number"] for one in known["issues"])])
    made = {{"number": number, "user": {{"type": "Bot"}}, "state": "open", **content}}
    known["issues"].append(made)
    print("{{}}")
else:
    for one in known["issues"]:
        if path.endswith(f"/issues/{{one['number']}}"):
            one.update(content)
    print("{{}}")
state.write_text(json.dumps(known))
"""


class GitHub:
    """In the place of GitHub: `gh` on the PATH, which keeps issues in a file."""

    def __init__(self, place: Path, *issues: Mapping[str, Any]) -> None:
        place.mkdir()
        self.folder = place
        self.change(asked=[], issues=list(issues), refuses="")
        program = place / "gh"
        program.write_text(GH.format(python=sys.executable), "utf-8")
        program.chmod(0o755)

    @property
    def known(self) -> dict[str, Any]:
        """What GitHub knows and was asked."""
        content: dict[str, Any] = json.loads((self.folder / "github.json").read_text("utf-8"))
        return content

    def change(self, **settings: object) -> None:
        """Change what GitHub knows."""
        path = self.folder / "github.json"
        state = self.known if path.exists() else {}
        path.write_text(json.dumps(state | settings), "utf-8")

    def environment(self) -> dict[str, str]:
        """Return what CI sets."""
        return {"PATH": f"{self.folder}:/usr/bin:/bin", "GITHUB_REPOSITORY": "owner/name"}


VARIABLE = webhook.VARIABLE
