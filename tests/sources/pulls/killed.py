"""Pull from a source in a process that kills itself as it lands a file: before that, or just after."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.etl.pull import places
from workbench.settings import get_settings
from workbench.sources.landing import FolderLanding
from workbench.sources.pulls.pulling import pull
from workbench.sources.pulls.reading import read_sources
from workbench.warehouse import connect


class Deadly(FolderLanding):
    """A landing that is the end of the process with its second file."""

    files_left = 2

    def put(self, path: Path, dataset: str, mapping: Any) -> Any:
        """Land a file, and die."""
        Deadly.files_left -= 1
        if Deadly.files_left == 0 and sys.argv[1] == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        landed = super().put(path, dataset, mapping)
        if Deadly.files_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return landed


if __name__ == "__main__":
    settings = get_settings()
    where = replace(places(connect()), landing=Deadly(settings.landing))
    pull(read_sources(settings)["shop"], where)
