"""Kernels that are spoken to by sockets of files; as a plugin of pytest, nbval's are, too.

A port that Jupyter's client found free may be another program's by the time that the kernel takes it, and the kernel dies of that.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from jupyter_client.manager import AsyncKernelManager, KernelManager


class _Sockets(KernelManager):
    """A folder of its own for each kernel's sockets; what a kernel prints as it dies is kept."""

    def __init__(self, **options: Any) -> None:
        # A socket's path may have 107 bytes, so it can't lie in a test's own folder.
        self._folder = Path(tempfile.mkdtemp(prefix="wb-"))
        super().__init__(transport="ipc", connection_file=str(self._folder / "kernel.json"), **options)

    async def _async_pre_start_kernel(self, **options: Any) -> tuple[list[str], dict[str, Any]]:
        return await super()._async_pre_start_kernel(**options | {"stdout": None, "stderr": None})

    async def _async_cleanup_resources(self, restart: bool = False) -> None:
        await super()._async_cleanup_resources(restart)
        if not restart:
            shutil.rmtree(self._folder, ignore_errors=True)


class SocketKernelManager(_Sockets):
    """Jupyter's manager for those that wait."""


class AsyncSocketKernelManager(_Sockets, AsyncKernelManager):
    """Jupyter's manager for those that await, as nbclient does."""


def pytest_configure() -> None:
    """Have nbval start its kernels so."""
    import nbval.kernel

    nbval.kernel.KernelManager = SocketKernelManager
