"""The kernel and the language of a notebook: as its metadata or its caller name them, and as they are found here."""

from __future__ import annotations

import platform
import re
import shutil
import sys
from dataclasses import dataclass
from typing import Any

from workbench.errors import UsageError

PYTHON = "python3"
_NAMED = re.compile(
    r"^\s*(?:export\s+|let\s+|val\s+|var\s+|const\s+)?([A-Za-z_.][\w.]*)\s*(?::[^=\n]*)?(?:<-|=(?!=))", re.M
)


@dataclass(frozen=True)
class Kernel:
    """What a notebook runs in: the kernel's name, and its language as its specification writes it."""

    name: str = PYTHON
    language: str = "python"

    @property
    def ours(self) -> bool:
        """True if it is the Python that Workbench itself runs in."""
        return self.name == PYTHON

    @property
    def python(self) -> bool:
        """True if its language is Python."""
        return self.language.lower() == "python"


def language_of(nb: Any) -> str:
    """Return the language that a notebook names, as it writes it; one that names none is Python's."""
    named = (nb["metadata"].get("kernelspec") or {}).get("language")
    return str(named or (nb["metadata"].get("language_info") or {}).get("name") or "python")


def named_kernel(nb: Any, asked: str | None = None) -> Kernel:
    """Return the kernel that a caller asked for, or else the one that a notebook names, here or not."""
    name = asked or (nb["metadata"].get("kernelspec") or {}).get("name")
    language = language_of(nb)
    if name == PYTHON or (not name and language.lower() == "python"):
        return Kernel()
    return Kernel(str(name or ""), language)


def find_kernel(nb: Any, where: str, asked: str | None = None) -> Kernel:
    """Return the kernel that a notebook is to run in.

    ``python3`` is always the Python that Workbench itself runs in, whatever is installed under that name.

    Args:
        nb: the notebook's JSON, or its node.
        where: what messages call it.
        asked: the kernel that the caller wants instead of the one that the notebook names.

    Raises:
        UsageError: there is no such kernel, or it can't be started.
    """
    wanted = named_kernel(nb, asked)
    if wanted.ours:
        return wanted
    from jupyter_client.kernelspec import KernelSpecManager

    specs = {name: about["spec"] for name, about in KernelSpecManager().get_all_specs().items()}
    name = wanted.name
    if not name:
        alike = [each for each, spec in specs.items() if _language(spec).lower() == wanted.language.lower()]
        name = alike[0] if alike else ""
    spec = specs.get(name) or specs.get(name.lower())
    if spec is None:
        known = ", ".join(sorted({PYTHON, *specs}))
        called = f"the kernel {wanted.name!r}" if wanted.name else "no kernel"
        python = wanted.language.lower() == "python"
        instead = (
            " If this Python will do, run it with -k python3 (kernel: python3 in a map)." if python else ""
        )
        raise UsageError(
            f"{where} names {called} ({wanted.language}), and there is none here; there are: {known}. "
            f"Install it (`jupyter kernelspec list` shows what is there), or choose another.{instead}"
        )
    program = (spec.get("argv") or [""])[0]
    if not shutil.which(program):
        raise UsageError(f"{where} names the kernel {name!r}, which can't be started: no program {program!r}")
    return Kernel(name, _language(spec) or wanted.language)


def _language(spec: dict[str, Any]) -> str:
    return str(spec.get("language") or "")


def assigned_names(source: str) -> list[str]:
    """Return the names that a parameters cell of another language assigns, in order."""
    return list(dict.fromkeys(_NAMED.findall(source)))


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
