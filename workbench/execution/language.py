"""The language of a notebook, as its metadata tell it."""

from __future__ import annotations

import platform
import sys
from typing import Any


def language_of(nb: Any) -> str:
    """Return the language of a notebook's kernel, in lower case; one that names none is Python's."""
    named = (nb.metadata.get("kernelspec") or {}).get("language")
    return str(named or (nb.metadata.get("language_info") or {}).get("name") or "python").lower()


def python_info() -> dict[str, Any]:
    """Return what ipykernel says of this Python's language."""
    return {
        "codemirror_mode": {"name": "ipython", "version": sys.version_info.major},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": f"ipython{sys.version_info.major}",
        "version": platform.python_version(),
    }
