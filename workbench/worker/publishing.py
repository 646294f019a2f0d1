"""Let readers have what runs wrote: at once where the worker has little to do, seldom enough where it has much."""

from __future__ import annotations

import time
from collections.abc import Callable

from workbench.errors import WorkbenchError
from workbench.warehouse import Warehouse

SHARE = 0.025
"""Of a busy worker's time that this may take."""


class Publishing:
    """Knows whether something was written that readers don't have, and does it when its time has come.

    Args:
        warehouse: the warehouse.
        retry: seconds before the next attempt where one failed.
        log: takes a line where one failed.
    """

    def __init__(self, warehouse: Warehouse, retry: float, log: Callable[[str], None]) -> None:
        self._warehouse, self._retry, self._log = warehouse, retry, log
        # Whoever was here before may have been killed first.
        self._asked, self._has_failed, self._not_before = True, False, 0.0

    def ask(self) -> None:
        """Say that a run has ended, and readers may have what it wrote."""
        self._asked = True

    def publish(self, *, idle: bool) -> None:
        """Do it if somebody asked and it is time: when there is nothing else to do, or it was long enough ago."""
        is_early = time.monotonic() < self._not_before
        if not self._asked or (is_early and (self._has_failed or not idle)):
            return
        started = time.monotonic()
        try:
            self._warehouse.publish()
        except WorkbenchError as problem:
            self._log(f"readers don't have what is new, for now: {problem}")
            self._has_failed, self._not_before = True, time.monotonic() + self._retry
        else:
            ended = time.monotonic()
            self._asked, self._has_failed = False, False
            self._not_before = ended + (ended - started) / SHARE
