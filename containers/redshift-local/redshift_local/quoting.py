"""Names and strings as they may stand in any statement."""

from __future__ import annotations


def quote(name: str) -> str:
    """Return an identifier in double quotes, safe in any statement."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a string literal that means the text, where backslashes escape."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
