"""Python's own parser, in threads."""

from __future__ import annotations

import ast
import os
import threading

_ATTEMPTS = 5
_one_at_a_time = threading.Lock()
os.register_at_fork(
    before=_one_at_a_time.acquire,
    after_in_parent=_one_at_a_time.release,
    after_in_child=_one_at_a_time.release,
)


def parse(source: str) -> ast.Module:
    """Return the syntax of a source.

    Raises:
        SyntaxError, ValueError: it isn't Python.
    """
    # CPython 3.11 counts the depth of all threads that parse together, and trips over it. Libraries parse, too.
    with _one_at_a_time:
        for _ in range(_ATTEMPTS - 1):
            try:
                return ast.parse(source)
            except SystemError:
                continue
        return ast.parse(source)
