"""A real Chromium, spoken to through a pair of pipes: no port, no script of ours in the page."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

FOUND = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


class Browser:
    """One page of a Chromium, and all that it asked the network for."""

    def __init__(self, asks: BinaryIO, answers: BinaryIO) -> None:
        self._asks, self._answers = asks, answers
        self._count, self._session, self._loaded = 0, "", False
        self.requests: list[str] = []
        self.said: list[str] = []
        target = self.tell("Target.createTarget", url="about:blank")["targetId"]
        attached = self.tell("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.tell(f"{domain}.enable")

    def tell(self, method: str, **words: Any) -> dict[str, Any]:
        """Send one command and return its answer; what happens meanwhile is noted."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": words}
        message |= {"sessionId": self._session} if self._session else {}
        self._asks.write(json.dumps(message).encode() + b"\0")
        self._asks.flush()
        while (heard := self._hear()).get("id") != self._count:
            pass
        assert "error" not in heard, heard
        answer: dict[str, Any] = heard["result"]
        return answer

    def _hear(self) -> dict[str, Any]:
        message = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "Chromium has gone"
            message += byte
        heard: dict[str, Any] = json.loads(message)
        if heard.get("method") == "Network.requestWillBeSent":
            self.requests.append(heard["params"]["request"]["url"])
        if heard.get("method") in {"Page.javascriptDialogOpening", "Runtime.consoleAPICalled"}:
            self.said.append(json.dumps(heard["params"]))
        if heard.get("method") == "Page.loadEventFired":
            self._loaded = True
        return heard

    def show(
        self, page: Path | str, width: int, *, dark: bool = False, media: str = "screen"
    ) -> None:
        """Load a file or an address in a window of a width, in light or dark, or on paper."""
        self.tell(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.tell("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self._loaded = False
        self.tell("Page.navigate", url=page if isinstance(page, str) else page.as_uri())
        self.wait()

    def wait(self) -> None:
        """Wait until a page has been loaded since the last one."""
        while not self._loaded:
            self._hear()

    def press(self, selector: str) -> None:
        """Press what is there under a selector, and wait for the page that it leads to."""
        self._loaded = False
        self.ask(f"document.querySelector({json.dumps(selector)}).click()")
        self.wait()

    def ask(self, expression: str) -> Any:
        """Return what an expression is in the page; the page's own policy does not bind it."""
        answer = self.tell("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def run(self, expression: str) -> Any:
        """Return what the promise of an expression in the page becomes."""
        answer = self.tell(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def picture(self, into: Path) -> None:
        """Write the whole page as a PNG."""
        size = self.tell("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = self.tell("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        into.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def opened(folder: Path) -> Iterator[Browser]:
    """Start a Chromium with a profile of its own in a folder, and end it."""
    (reads, asks), (answers, writes) = os.pipe(), os.pipe()
    assert FOUND is not None
    # Chromium hears on descriptor 3 and answers on 4; the shell puts the pipes there.
    command = f'exec "$0" "$@" 3<&{reads} 4>&{writes}'
    process = subprocess.Popen(
        ["bash", "-c", command, FOUND, *FLAGS, f"--user-data-dir={folder}"],
        pass_fds=(reads, writes),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(reads)
    os.close(writes)
    try:
        with os.fdopen(asks, "wb") as commands, os.fdopen(answers, "rb") as events:
            yield Browser(commands, events)
    finally:
        process.kill()
        process.wait()
