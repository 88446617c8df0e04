"""The real server in a process of its own, asked while it changes its model."""

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from headrace.errors import HeadraceError
from headrace.play.study import MAKER, Study, environment

SECONDS = 60


class Asker:
    """Asks the server on one connection; an answer other than 200 ends the play."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)

    def ask(self, path: str, content: Any = None) -> dict[str, Any]:
        """Ask once, by POST where there is content.

        Errors:
            HeadraceError: the server refused, or failed.
        """
        body = None if content is None else json.dumps(content).encode()
        kind = {"Content-Type": "application/json"}
        try:
            self._connection.request("POST" if body else "GET", path, body, kind)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise HeadraceError(f"{path} got no answer: {error!r}") from None
        if answer.status != 200:
            raise HeadraceError(f"{path} got {answer.status}: {text.decode()[:300]}")
        said: dict[str, Any] = json.loads(text)
        return said


@contextmanager
def serving(study: Study, source: str) -> Iterator[int]:
    """Serve what a source names from a study, and yield its port; stop it in the end.

    Errors:
        HeadraceError: it does not start.
    """
    words = ["headrace", "serve", source, "--port", "0", "--log", str(study.root / "data/served")]
    with subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=study.root,
        env=environment(study.root, MAKER),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            found = re.search(r"answers on http://\S+:(\d+)$", line.strip())
            if found is None:
                raise HeadraceError(f"The server does not start: {line}{process.stdout.read()}")
            yield int(found[1])
        finally:
            process.terminate()
            process.wait(SECONDS)
