"""Optional libraries of libraries, left out while those are imported, as their import costs more than a notebook."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from types import ModuleType

from workbench.libraries.seldom import seldom

# Set by our own program, in whose process nobody else uses papermill.
program = False

# jsonschema, which JupyterLab has with all its formats, checks "iri" with it, of which neither notebooks nor dbt have any;
# it compiles a grammar for one or two seconds.
_OF_JSONSCHEMA = ("rfc3987_syntax",)
# Papermill reads and writes notebooks in stores by them; our program hands it none to read and takes back a node.
_OF_PAPERMILL = ("boto3", "azure", "gcsfs", "pyarrow", "github")
# Beautiful Soup, which nbconvert cleans Markdown with, selects by CSS with it; nobody here does.
_OF_SOUP = ("soupsieve",)


@seldom
def import_nbformat() -> None:
    """Import nbformat, and with it jsonschema, without what notebooks don't need."""
    with _absent(_OF_JSONSCHEMA):
        import nbformat  # noqa: F401


@seldom
def import_dbt() -> None:
    """Import dbt, and with it jsonschema, without what projects don't need."""
    with _absent(_OF_JSONSCHEMA):
        import dbt.cli.main  # noqa: F401


@seldom
def import_papermill() -> None:
    """Import papermill; in our own program without its stores."""
    import_nbformat()
    with _absent(_OF_PAPERMILL if program else ()):
        import papermill.execute  # noqa: F401


@seldom
def import_soup() -> None:
    """Import Beautiful Soup; in our own program without CSS selectors."""
    with warnings.catch_warnings(), _absent(_OF_SOUP if program else ()):
        warnings.filterwarnings("ignore", message="The soupsieve package")
        import bs4  # noqa: F401


@contextmanager
def _absent(names: tuple[str, ...]) -> Iterator[None]:
    """Have modules that aren't imported yet seem not to be installed, to this thread alone."""
    finder = _Absent(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Absent(MetaPathFinder):
    def __init__(self, names: tuple[str, ...]) -> None:
        self._names, self._thread = names, threading.get_ident()

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname in self._names and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"{fullname} isn't needed here", name=fullname)
