"""Every setting of Workbench, read from ``WORKBENCH_*`` in the environment or from ``.env``."""

from __future__ import annotations

from workbench.settings.declared import EARLIEST, HERE, NOTEBOOK, TASK, Reach
from workbench.settings.derived import Settings
from workbench.settings.reading import get_settings

__all__ = ["EARLIEST", "HERE", "NOTEBOOK", "TASK", "Reach", "Settings", "get_settings"]
