"""Read the settings from the environment and from ``.env``."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from workbench.errors import UsageError, plainly
from workbench.private import close_home, share
from workbench.settings.derived import Settings

# DuckDB and MLflow take what follows the one for options, and DuckDB the other for a slash.
UNFIT = ("?", "\\") if os.sep == "/" else ("?",)


def get_settings() -> Settings:
    """Read the settings afresh; a home that is open to others is closed to them, unless it is shared.

    Raises:
        UsageError: a setting has a value that isn't of its type, or the home is no folder.
    """
    try:
        settings = _made_of(*_what_says_so())
    except ValidationError as error:
        first = error.errors()[0]
        name = "WORKBENCH_" + "_".join(str(part) for part in first["loc"]).upper()
        raise UsageError(f"setting {name}: {plainly(first)}") from None
    _check_home(settings.home)
    share(settings.home_shared)
    close_home(settings.home)
    return settings


def _check_home(home: Path) -> None:
    """Check that a home is a folder, or could be made one.

    Raises:
        UsageError: it isn't, or lies below a file, or databases can't lie in it.
    """
    place = os.fspath(home)
    if unfit := next((mark for mark in UNFIT if mark in place), None):
        raise UsageError(
            f"setting WORKBENCH_HOME: no database can be kept in {home}, for DuckDB and MLflow read the {unfit} in it "
            "otherwise; name another"
        )
    while place and not os.path.lexists(place):
        place = os.path.dirname(place)  # noqa: PTH120
    if not os.path.isdir(place or "."):  # noqa: PTH112
        where = f"setting WORKBENCH_HOME: {home}"
        raise UsageError(
            f"{where} is no folder; name one"
            if place == os.fspath(home)
            else f"{where}: {place} is no folder"
        )


def _what_says_so() -> tuple[tuple[tuple[str, str], ...], str, bytes]:
    """Return all that settings are made of: variables, the folder that paths begin in, and what ``.env`` holds."""
    names = (name for name in os.environ if name == "HOME" or name.upper().startswith("WORKBENCH_"))
    variables = tuple((name, os.environ[name]) for name in sorted(names))
    try:
        folder = os.getcwd()  # noqa: PTH109
    except OSError:
        # It is gone, and there is no file in it.
        return variables, "", b""
    file = Path(".env")
    return variables, folder, file.read_bytes() if file.is_file() else b""


@lru_cache(maxsize=4)
def _made_of(variables: tuple[tuple[str, str], ...], folder: str, file: bytes) -> Settings:
    """Return the settings; to make them anew takes milliseconds, and a command asks for them dozens of times."""
    return Settings()
