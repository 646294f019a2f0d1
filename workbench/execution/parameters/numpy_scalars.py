"""Scalars and arrays of numpy and pandas, as Python's own values."""

from __future__ import annotations

from typing import Any

from workbench.execution.parameters.annotations import Mismatch

_LIBRARIES = ("numpy", "pandas")


def builtin(value: Any) -> Any:
    """Return a value of numpy or pandas as Python's own, a missing one as None; any other as it is.

    Neither library is imported: a value of theirs brings it along.

    Raises:
        Mismatch: Python has no such value, as a time with nanoseconds.
    """
    if type(value).__module__.partition(".")[0] not in _LIBRARIES:
        return value
    if type(value).__name__ in ("NaTType", "NAType"):
        return None
    if getattr(value, "ndim", 0):
        return [builtin(item) for item in value] if hasattr(value, "tolist") else value
    if type(value).__name__ in ("datetime64", "timedelta64"):
        return _moment(value)
    for method in ("to_pydatetime", "to_pytimedelta"):
        if hasattr(value, method):
            if getattr(value, "nanosecond", 0) or getattr(value, "nanoseconds", 0):
                raise Mismatch(f"{value} has nanoseconds, which a parameter can't hold")
            return getattr(value, method)()
    return value.item() if hasattr(value, "item") else value


def _moment(value: Any) -> Any:
    """Return a ``datetime64`` or ``timedelta64``; numpy gives whole numbers for those finer than microseconds."""
    fine = value.astype(f"{type(value).__name__}[us]")
    if fine != value and not _missing(value):
        raise Mismatch(f"{value} has nanoseconds, which a parameter can't hold")
    own = value.item()
    return fine.item() if isinstance(own, int) else own


def _missing(value: Any) -> bool:
    # Only a missing time isn't equal to itself.
    return bool(value != value)
