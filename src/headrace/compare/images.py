"""Pictures in notebooks as data URIs that can neither run code nor fetch anything."""

import base64
import binascii
import re
from xml.etree import ElementTree

KINDS = ("image/svg+xml", "image/png", "image/jpeg", "image/gif")
"""MIME types of pictures, the preferred one first."""
LIMIT = 2_000_000
"""Bytes of a picture in the report."""
SVG = "http://www.w3.org/2000/svg"
ACTIVE = {"script", "foreignobject", "iframe", "object", "embed", "audio", "video", "handler"}
INSIDE = re.compile(r"\s*(#|data:image/(png|jpeg|gif);base64,)", re.IGNORECASE)
"""What a reference may begin with: a fragment of the picture itself, or pixels."""
OUTSIDE = re.compile(r"@import|url\(\s*(?![\"']?#)|javascript:|expression\(", re.IGNORECASE)
NAMES = {"": SVG, "xlink": "http://www.w3.org/1999/xlink"}


def data_uri(kind: str, content: str, text: str) -> tuple[str, str]:
    """Return the text and the data URI of a picture; a reason and no URI where it is not shown.

    SVG loses scripts, events and references to elsewhere: an <img> runs and fetches none of them,
    but somebody may save the picture.
    """
    if len(content) > LIMIT:
        return f"{text}\n(A picture of {len(content):,} bytes: too large to be shown.)".strip(), ""
    if kind == "image/svg+xml":
        safe = sanitize_svg(content)
        encoded = base64.b64encode(safe).decode() if safe is not None else ""
    else:
        encoded = _clean_base64(content)
    if not encoded:
        return f"{text}\n(A picture that cannot be read.)".strip(), ""
    return text, f"data:{kind};base64,{encoded}"


def sanitize_svg(svg: str) -> bytes | None:
    """Return an SVG without what runs or fetches; None where it is not SVG."""
    if "<!ENTITY" in svg:  # a few entities can grow to gigabytes
        return None
    try:
        root = ElementTree.fromstring(svg)
    except (ElementTree.ParseError, ValueError, RecursionError):
        return None
    if _local(root.tag) != "svg":
        return None
    _clean(root)
    for prefix, address in NAMES.items():
        ElementTree.register_namespace(prefix, address)
    safe: bytes = ElementTree.tostring(root, encoding="utf-8")
    return safe


def _clean(root: ElementTree.Element) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            if _local(child.tag) in ACTIVE or _animates(child):
                parent.remove(child)
        for name, value in list(parent.attrib.items()):
            if _is_unsafe(_local(name), value):
                del parent.attrib[name]
        if _local(parent.tag) == "style" and OUTSIDE.search(parent.text or ""):
            parent.text = ""


def _is_unsafe(name: str, value: str) -> bool:
    if name in {"href", "src"}:
        return not INSIDE.match(value)
    return name.startswith("on") or bool(OUTSIDE.search(value))


def _animates(element: ElementTree.Element) -> bool:
    """Tell whether an element animates a reference or an event."""
    target = element.get("attributeName", "").lower().rpartition(":")[2]
    return target == "href" or target.startswith("on")


def _local(tag: object) -> str:
    """Return a name without its namespace; a comment has none."""
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def _clean_base64(content: str) -> str:
    """Return base64 in its normal form, without line breaks; "" where it is invalid."""
    try:
        return base64.b64encode(base64.b64decode("".join(content.split()), validate=True)).decode()
    except (binascii.Error, ValueError):
        return ""
