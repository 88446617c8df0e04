"""Output widgets: what is shown inside `with output:` belongs to the widget, not to the cell.

A notebook client holds the widgets' side of the protocol; this is its part for `Output` of
ipywidgets. Source: nbclient's `output_widget`, and Jupyter's messaging protocol on comms.
"""

from typing import Any

import comm
import nbformat

from headrace.execution.output_capture import GrowingText

OUTPUT_MODEL = ("@jupyter-widgets/output", "OutputModel")
KINDS = ("comm_open", "comm_msg", "comm_close")


class OutputWidget:
    """One widget: its outputs, and whether the next one replaces them."""

    def __init__(self, outputs: list[nbformat.NotebookNode]) -> None:
        self._outputs = outputs
        self._text = GrowingText()
        self._clear_first = False

    @property
    def outputs(self) -> list[nbformat.NotebookNode]:
        """What it shows."""
        if text := self._text.take():
            self._outputs[-1].text += text
        return self._outputs

    def add(self, output: nbformat.NotebookNode) -> None:
        """Add an output; a stream's neighbouring pieces are one."""
        if self._clear_first:
            self.clear(wait=False)
        last = self._outputs[-1] if self._outputs else None
        if last and output.output_type == "stream" == last.output_type and output.name == last.name:
            self._text.write(output.text)
        else:
            self.outputs.append(output)

    def clear(self, *, wait: bool) -> None:
        """Remove the outputs, now or when the next one comes."""
        self._clear_first = wait
        if not wait:
            self._outputs, self._text = [], GrowingText()


class OutputWidgets:
    """All widgets of a notebook, and those whose `with` block is running, the innermost last."""

    def __init__(self) -> None:
        self._widgets: dict[str, OutputWidget] = {}
        self._entered: list[OutputWidget] = []
        self._changed: set[str] = set()

    @property
    def active(self) -> OutputWidget | None:
        """The widget that outputs go to now."""
        return self._entered[-1] if self._entered else None

    @property
    def changed(self) -> bool:
        """Whether a widget was entered or left since they were told what they show."""
        return bool(self._changed)

    def handle(self, kind: str, content: dict[str, Any]) -> None:
        """Handle a message about a widget; those about other kinds of widget are ignored."""
        name, state = content["comm_id"], (content.get("data") or {}).get("state") or {}
        if kind == "comm_open" and (state.get("_model_module"), state.get("_model_name")) == (
            OUTPUT_MODEL
        ):
            outputs = [nbformat.from_dict(output) for output in state.get("outputs") or ()]
            self._widgets[name] = OutputWidget(outputs)
        elif kind == "comm_close":
            self._widgets.pop(name, None)
        elif name in self._widgets and "msg_id" in state:
            self._enter_or_leave(name, entered=bool(state["msg_id"]))

    def _enter_or_leave(self, name: str, *, entered: bool) -> None:
        widget = self._widgets[name]
        self._changed.add(name)
        if entered:
            self._entered.append(widget)
        elif widget in self._entered:
            self._entered.remove(widget)

    def sync(self) -> None:
        """Tell the widgets in Python what they show, as a client does once a cell has ended."""
        for name in sorted(self._changed & self._widgets.keys()):
            channel = comm.get_comm_manager().get_comm(name)
            state = {"outputs": self._widgets[name].outputs}
            data = {"method": "update", "state": state, "buffer_paths": []}
            if channel is not None:
                channel.handle_msg({"content": {"comm_id": name, "data": data}, "buffers": []})
        self._changed.clear()
