"""Pages: Jinja2 templates filled with values, each one file without script or network.

Everything that people wrote is escaped: the environment does it, for every value of every template.
"""

import base64
import hashlib
import html
import json
import re
import unicodedata
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from headrace.core import atomic
from headrace.core.metrics import is_numeric
from headrace.errors import HeadraceError, reason
from headrace.gates.live import Light
from headrace.report.text import counted
from headrace.report.text import number as plain_number
from headrace.report.text import signed as plain_signed

ABSENT = "\u2013"
MINUS = "\u2212"
JOINTS = re.compile(r"(?<=\w)([_/]|\.(?!\d))(?=\w)")
LIGHTS = {
    Light.OK: ("good", "✓ ok"),
    Light.NOTICE: ("calm", "! notice"),
    Light.ACT: ("bad", "✗ act"),
    Light.UNKNOWN: ("", "not known"),
}
"""The badge of each traffic light: its colour and its text."""
VALUE_LENGTH = 300
"""Letters of a parameter's value that are shown."""


def render(template: str, *, title: str, css: str = "", policy: str = "", **values: Any) -> str:
    """Return the page of a template, as the text of one HTML file.

    `css` names a style sheet that the page has besides base.css. `policy` is what its Content
    Security Policy allows besides images in the page and its own style; a whole one where it says
    what is allowed by default.
    """
    style = "".join(map(_style, ["base.css", css] if css else ["base.css"]))
    # By the hash of the style, so that one that somebody smuggles into a value does nothing.
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    allowed = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:{policy}"
    allowed = policy if policy.startswith("default-src") else allowed
    page = _environment().get_template(template)
    return page.render(title=title, style=Markup(style), policy=allowed, **values) + "\n"


def write(path: Path, page: str) -> None:
    """Write a page, whole or not at all.

    Errors:
        HeadraceError: the file cannot be written, such as where a folder is.
    """
    try:
        atomic.write_text(path, page)
    except OSError as error:
        step = "Next: name another file, or see who may write there"
        raise HeadraceError(f"{path} cannot be written: {reason(error)}. {step}") from None


def _style(name: str) -> str:
    return (files("headrace.report") / "templates" / name).read_text("utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("headrace.report"),
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "code": code,
        "name": name,
        "number": number,
        "share": share,
        "signed": signed,
        "json": as_json,
    }
    environment.globals |= {"absent": ABSENT, "counted": counted}
    return environment


def _finalize(value: object) -> object:
    return value if isinstance(value, Markup) else visible(str(value))


def visible(text: str) -> str:
    """Return text in which characters that cannot be seen have their name, such as [U+202E].

    Among them are the marks that turn the direction of the text around them.
    """
    return "".join(map(_visible, text))


def _visible(letter: str) -> str:
    # U+200D joins emoji into one.
    hidden = unicodedata.category(letter) in {"Cc", "Cf", "Cs"} and letter not in "\n\t\u200d"
    return f"[U+{ord(letter):04X}]" if hidden else letter


def escape(text: object) -> Markup:
    """Return text as markup that shows it."""
    return Markup(html.escape(visible(str(text))))  # it is escaped


def name(text: object) -> Markup:
    """Return what people wrote, kept apart from the direction of the text around it."""
    return Markup("<bdi>{}</bdi>").format(escape(text))


def code(text: object) -> Markup:
    """Return a path, a parameter or another name of a file; a line may break at its joints."""
    broken = JOINTS.sub(r"\1<wbr>", str(escape(text)))
    return Markup(f"<code><bdi>{broken}</bdi></code>")  # it is escaped


def number(value: object) -> str:
    """Return a number with a true minus sign; a dash where there is none, other values as text."""
    if value is None:
        return ABSENT
    if not is_numeric(value):
        return str(value)
    return plain_number(value).replace("-", MINUS)


def signed(value: float | None, beside: float = 0.0) -> str:
    """Return a change with its sign, to stand beside a value."""
    return ABSENT if value is None else plain_signed(value, beside).replace("-", MINUS)


def share(value: object) -> str:
    """Return a share of 1 in percent."""
    if not isinstance(value, int | float):
        return ABSENT
    percent = value * 100
    return f"{percent:.1f} %" if percent == 0 or percent >= 0.1 else "< 0.1 %"


def as_json(content: object) -> Markup:
    """Return a parameter's value as its file would write it; a dash where there is none."""
    if content is None:
        return Markup(ABSENT)
    text = json.dumps(content, ensure_ascii=False, default=str)
    return code(text if len(text) <= VALUE_LENGTH else f"{text[:VALUE_LENGTH]} …")
