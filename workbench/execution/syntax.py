"""Python's own parser, in threads."""

from __future__ import annotations

import ast

_ATTEMPTS = 5


def parse(source: str) -> ast.Module:
    """Return the syntax of a source.

    Raises:
        SyntaxError, ValueError: it isn't Python.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return ast.parse(source)
        except SystemError:
            # CPython 3.11 counts the depth of all threads that parse together, and now and then trips over it.
            continue
    return ast.parse(source)
