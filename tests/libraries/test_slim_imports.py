"""What libraries import without need is left out while they are imported, and is there for all others."""

from __future__ import annotations

import subprocess
import sys

_OURS = """
import sys
from workbench.libraries import slim_imports
slim_imports.program = True
slim_imports.import_papermill()
slim_imports.import_soup()
print(*sorted({"boto3", "numpy", "pyarrow", "rfc3987_syntax", "soupsieve"} & sys.modules.keys()))
import boto3, pyarrow, soupsieve
"""

_BESIDE = """
import threading
from workbench.libraries import slim_imports
with slim_imports._absent(("colorsys", "this")):
    others = []
    def other():
        import colorsys
        others.append(colorsys.__name__)
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    import colorsys
    try:
        import this
    except ModuleNotFoundError as missing:
        others.append(missing.name)
print(*others)
"""


def _printed(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_the_program_imports_papermill_without_its_stores_and_may_import_those_later() -> None:
    assert _printed(_OURS) == ""


def test_other_threads_find_what_one_leaves_out() -> None:
    assert _printed(_BESIDE) == "colorsys this"
