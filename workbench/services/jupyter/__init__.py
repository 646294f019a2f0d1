"""What JupyterLab is told before a person settles anything in it."""

from __future__ import annotations

import os
from pathlib import Path

_DEFAULTS = Path(__file__).parent


def jupyter_config_path() -> str:
    """Return the value of ``JUPYTER_CONFIG_PATH`` with our defaults behind the folders that are in it already.

    A new JupyterLab asks nobody whether it may fetch news, and fetches none; who wants them settles that in it.
    """
    named = os.environ.get("JUPYTER_CONFIG_PATH", "").split(os.pathsep)
    return os.pathsep.join([*filter(None, named), str(_DEFAULTS)])
