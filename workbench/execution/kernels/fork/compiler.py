"""How the cells of a forked notebook are compiled."""

from __future__ import annotations

import inspect

from ipykernel.compiler import XCachingCompiler


class Compiler(XCachingCompiler):
    """Tells Python of which module a cell is, which a traceback asks for each frame.

    It would look through all modules for it, and an endless recursion take a minute to be told.
    """

    def cache(self, transformed_code: str, number: int = 0, raw_code: str | None = None) -> str:
        """Keep a cell's source for tracebacks; return the name of its file."""
        name = str(super().cache(transformed_code, number, raw_code))
        inspect.modulesbyfile[name] = "__main__"
        return name
