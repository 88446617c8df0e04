"""Turn the shell's messages into the running cell's outputs, as a notebook client does."""

import re
import sys
import threading
from collections import defaultdict
from typing import Any

import nbformat
from jupyter_client.session import Session

from headrace.execution import output_widgets
from headrace.execution.output_capture import GrowingText
from headrace.execution.output_widgets import OutputWidgets

JSON = re.compile(r"application/(.*\+)?json", re.DOTALL)
"""Kinds of output that are not text. Source: nbformat's schema, `mimebundle`."""
RESULTS = ("display_data", "execute_result", "update_display_data")


class Recorder(Session):
    """A session without a connection: messages become outputs of the running cell.

    IPython's kernel shell sends messages to its clients through a `Session`; this one keeps them.
    """

    def __init__(self) -> None:
        super().__init__(key=b"nobody hears it")
        self._outputs: list[nbformat.NotebookNode] = []
        self._text = GrowingText()
        self._widgets = OutputWidgets()
        self._muted = False
        self._displays: dict[str, list[nbformat.NotebookNode]] = defaultdict(list)
        self._clear_first = False
        self._lock = threading.RLock()  # a cell's threads write as well

    def begin(self, cell: nbformat.NotebookNode) -> None:
        """Start the outputs of a cell."""
        self._join()
        self._outputs = cell.outputs = []
        self._clear_first = False

    def end(self) -> None:
        """Complete the outputs of the cell that was running."""
        self._join()
        if self._widgets.changed:
            self._sync_widgets()

    def _sync_widgets(self) -> None:
        """Tell widgets what they show; what their own code prints then belongs to no cell."""
        self._muted = True
        self._widgets.sync()
        sys.stdout.flush()
        sys.stderr.flush()
        self._muted = False

    def remove_error(self, name: str) -> None:
        """Remove the running cell's last output where it is an error of this name."""
        last = self._outputs[-1] if self._outputs else None
        if last is not None and last.get("ename") == name:
            self._outputs.pop()

    def stream(self, name: str, text: str) -> None:
        """Add a text to stdout or stderr; neighbouring texts of one stream are one output."""
        with self._lock:
            if not self._muted:
                self._add_text(name, text)

    def _add_text(self, name: str, text: str) -> None:
        if widget := self._widgets.active:
            widget.add(_output("stream", {"name": name, "text": text}))
            return
        self._clear()
        last = self._outputs[-1] if self._outputs else None
        if last is None or last.output_type != "stream" or last.name != name:
            self._join()
            self._outputs.append(_output("stream", {"name": name, "text": ""}))
        self._text.write(text)  # joined at the end: adding to a long text repeatedly is slow

    def msg(self, msg_type: str, content: Any = None, *_: Any, **__: Any) -> dict[str, Any]:
        """Make a message with the parts that display hooks read."""
        return {"header": {"msg_type": msg_type}, "msg_type": msg_type, "content": content}

    # There is no connection, so no message is returned.
    def send(self, stream: Any, msg_or_type: Any, content: Any = None, *_: Any, **__: Any) -> None:
        """Handle a message: an output, an update of one, or a request to clear them."""
        is_message = isinstance(msg_or_type, dict)
        message = msg_or_type if is_message else self.msg(msg_or_type, content)
        kind = message["header"]["msg_type"]
        with self._lock:
            if kind == "clear_output":
                self._clear_output(wait=bool(message["content"].get("wait")))
            elif kind in output_widgets.KINDS:
                self._widgets.handle(kind, message["content"])
            elif not self._muted and (kind in RESULTS or kind == "error"):
                self._add(kind, message)

    def _clear_output(self, *, wait: bool) -> None:
        if widget := self._widgets.active:
            widget.clear(wait=wait)
            return
        self._clear_first = True
        if not wait:
            self._clear()

    def _add(self, kind: str, message: dict[str, Any]) -> None:
        self._join()
        content = self._as_sent(message["content"])
        if name := (content.get("transient") or {}).get("display_id"):
            for output in self._displays[name]:
                output.data = nbformat.from_dict(content["data"])
                output.metadata = nbformat.from_dict(content["metadata"])
        if kind == "update_display_data":
            return
        if kind == "error":
            content["traceback"] = [*map(str, _lines(content["traceback"]))]
        output = _output(kind, content)
        if widget := self._widgets.active:
            widget.add(output)
            return
        self._clear()
        self._outputs.append(output)
        if name:
            self._displays[name].append(output)

    def _as_sent(self, content: dict[str, Any]) -> dict[str, Any]:
        """Return the content as a client would get it: JSON's types, and bytes in base64.

        Errors:
            ValueError: a notebook cannot hold it; no file is validated, which takes long.
        """
        data = content.get("data", {})
        plain = all(isinstance(part, str) for pair in data.items() for part in pair)  # however long
        rest = {key: value for key, value in content.items() if not (plain and key == "data")}
        sent: dict[str, Any] = self.unpack(self.pack(rest))
        for kind, value in {} if plain else sent["data"].items():
            is_text = all(isinstance(line, str) for line in _lines(value))
            if not (is_text or JSON.fullmatch(kind)):
                raise ValueError(f"{kind} of a display is {type(value).__name__}, and not text")
        return {"data": data, **sent} if "data" in content else sent

    def _clear(self) -> None:
        if not self._clear_first:
            return
        self._clear_first = False
        self._text = GrowingText()
        cleared = {id(output) for output in self._outputs}
        for name, displayed in [*self._displays.items()]:
            displayed[:] = [output for output in displayed if id(output) not in cleared]
            if not displayed:
                del self._displays[name]
        self._outputs.clear()

    def _join(self) -> None:
        if text := self._text.take():
            self._outputs[-1].text += text


def _lines(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _output(kind: str, content: dict[str, Any]) -> nbformat.NotebookNode:
    """Return a message's content as an output, not validated: that takes longer than most cells."""
    fields = {key: value for key, value in content.items() if key != "transient"}
    output: nbformat.NotebookNode = nbformat.from_dict({"output_type": kind, **fields})
    return output
