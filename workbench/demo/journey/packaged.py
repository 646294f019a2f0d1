"""Find the data files that Python packages ship, without importing the packages."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from workbench.errors import UsageError
from workbench.libraries.extras import advice


def data_file(package: str, name: str, distribution: str) -> Path:
    """Return the path of a file inside an installed package.

    Args:
        package: name one imports.
        name: path of the file inside the package.
        distribution: name one installs.

    Raises:
        UsageError: the package isn't installed, or has no such file.
    """
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / name
        if path.is_file():
            return path
    raise UsageError(f"the demo needs {distribution}; {advice('demo')}")


def installed(*distributions: str) -> dict[str, str]:
    """Return the version of each distribution; "none" where it isn't installed."""
    found = {}
    for name in distributions:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found
