"""Sources are parsed by several threads at once: stages that start side by side do."""

from __future__ import annotations

import ast
import sys
import threading
from pathlib import Path

import pytest

from workbench.execution.parameters.syntax import parse


def test_threads_parse_side_by_side() -> None:
    sources = [path.read_text() for path in sorted(Path(__file__).parents[1].rglob("test_*.py"))]
    wanted = [len(ast.parse(source).body) for source in sources]
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(2):
                assert [len(parse(source).body) for source in sources] == wanted
        except BaseException as error:
            failed.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    finally:
        sys.setswitchinterval(before)
    assert not failed


def test_what_is_not_python_is_a_syntax_error() -> None:
    with pytest.raises(SyntaxError):
        parse("def :")
