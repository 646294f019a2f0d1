"""The children of a zygote: their ends are told, and what they left behind is ended."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any

from workbench.execution.kernels.fork.linux import end_orphans, kill_group


class Children:
    """Those that run, by their process number the number under which the supervisor knows each.

    Args:
        send: takes a message to the supervisor.
    """

    def __init__(self, send: Callable[[dict[str, Any]], None]) -> None:
        self.running: dict[int, int] = {}
        self._send = send
        self._left_orphans = False

    def reap(self) -> None:
        """Take leave of all that ended, and end what they left behind."""
        with contextlib.suppress(ChildProcessError):
            while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if found.si_pid in self.running:
                    end = self._take_leave(found.si_pid)
                    end_orphans(self.running)
                    self._send(end)
                else:
                    os.waitpid(found.si_pid, 0)
        if self._left_orphans:
            self._left_orphans = False
            end_orphans(self.running)

    def tell_ends(self) -> None:
        """Take leave of those that ended while a module is imported, as that may take a second.

        What else has ended or is left may be the import's own: that is for :meth:`reap`, after it.
        """
        for pid in list(self.running):
            with contextlib.suppress(ChildProcessError):
                if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                    self._send(self._take_leave(pid))
                    self._left_orphans = True

    def end_all(self) -> None:
        """Leave nothing running."""
        for pid in list(self.running):
            kill_group(pid)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        self.running.clear()
        end_orphans(self.running)

    def _take_leave(self, pid: int) -> dict[str, Any]:
        """End the group of one that ended; return what is to be told of it."""
        # Its number is its own until it is waited for, so the group is surely its.
        kill_group(pid)
        _, status, usage = os.wait4(pid, 0)
        return {
            "op": "exit",
            "id": self.running.pop(pid),
            "status": os.waitstatus_to_exitcode(status),
            "peak_memory": usage.ru_maxrss * 1024,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
        }
