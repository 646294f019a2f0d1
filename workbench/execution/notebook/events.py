"""Events of a notebook's process, in a form that notebooks, journals and pages can hold whatever a cell did.

A process may send text that no file can hold, numbers that JSON doesn't know, names that are no text and a
traceback that is none. What is taken out here spoils nothing further on.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

DEEPEST = 100
TOO_DEEP = "… nested too deeply to be kept …"
_JSON = re.compile(r"application/(.*\+)?json")
_LONE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_DISPLAYS = ("display_data", "update_display_data", "execute_result")


def clean(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event whose fields are of the types that its kind has, and hold nothing but JSON."""
    found: dict[str, Any] = storable(dict(event))
    kind = found["event"]
    if kind == "stream":
        found["name"] = "stderr" if found.get("name") == "stderr" else "stdout"
        found["text"] = _text(found.get("text"))
    elif kind in _DISPLAYS:
        found["data"] = _bundle(found.get("data"))
        found["metadata"] = _mapping(found.get("metadata"))
        transient = _mapping(found.get("transient"))
        name = transient.get("display_id")
        found["transient"] = {} if name is None else {**transient, "display_id": _text(name)}
        if not isinstance(found.get("execution_count"), int | None):
            found["execution_count"] = None
    elif kind == "error":
        found["ename"], found["evalue"] = _text(found.get("ename")), _text(found.get("evalue"))
        lines = found.get("traceback") or []
        found["traceback"] = [_text(line) for line in (lines if isinstance(lines, list) else [lines])]
    elif kind == "done":
        found["ename"], found["evalue"] = _text(found.get("ename")), _text(found.get("evalue"))
    return found


def storable(value: Any, depth: int = 0) -> Any:
    """Return a JSON-like value as any JSON file in UTF-8 can hold it.

    Names are text. Of text, what stands for bytes of a file's name is decoded, and other halves of surrogate
    pairs become U+FFFD. Numbers that aren't finite become text, as ipykernel does it. What lies deeper than
    :data:`DEEPEST` is left out.
    """
    match value:
        case str():
            return _whole(value)
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else repr(value)
        case _ if depth >= DEEPEST:
            return TOO_DEEP
        case Mapping():
            return {_whole(str(key)): storable(item, depth + 1) for key, item in value.items()}
        case list() | tuple():
            return [storable(item, depth + 1) for item in value]
    return _whole(str(value))


def _whole(text: str) -> str:
    """Return a text without halves of surrogate pairs."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        # Two halves that belong together are one character.
        paired = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        return _LONE.sub("\ufffd", paired).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _bundle(data: Any) -> dict[str, Any]:
    """Return what a cell displays as a notebook may hold it: beside JSON's own types, values are text."""
    return {
        mime: value if isinstance(value, str) or _JSON.fullmatch(mime) else json.dumps(value)
        for mime, value in _mapping(data).items()
    }
