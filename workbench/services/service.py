"""What a service of this machine is: how it starts, how it is known to be ready, and what leads to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import UsageError
from workbench.libraries.extras import Ask, provide, provide_environment
from workbench.settings import Settings

Variables = dict[str, str]


@dataclass(frozen=True)
class Start:
    """What a service is started with.

    ``folder`` is its own, ``port`` the one to listen on, and ``variables`` lead to the services that run already.
    """

    settings: Settings
    folder: Path
    port: int
    variables: Mapping[str, str]


@dataclass(frozen=True)
class Service:
    """One service.

    ``modules`` are what it needs, and ``extras`` bring them. ``command`` returns its command line and what its environment has beyond ours; ``answers`` returns its URL once
    it is ready, else None; ``variables`` what to export so that clients find it. ``others`` start before it if
    they are asked for too.
    """

    title: str
    modules: tuple[str, ...]
    extras: tuple[str, ...]
    command: Callable[[Start], tuple[list[str], Variables]]
    answers: Callable[[Start], str | None]
    variables: Callable[[Start, str], Variables]
    ready: float = 90
    """Seconds that it may take to answer."""
    folder: Path | None = None
    """Where its code lies in the project, if it isn't a part of the package."""
    environment: tuple[str, str] | None = None
    """The folder and the lock of the environment that is its own, if it has one."""

    def check(self, settings: Settings, ask: Ask | None = None) -> None:
        """See to it that it is installed.

        Raises:
            UsageError: it isn't, and ``ask`` didn't agree to install it.
        """
        if self.environment is not None:
            provide_environment(self.title, *self.environment, settings, ask)
        else:
            provide(self.title, self.modules, self.extras, settings, ask)
        if self.folder is not None and not (settings.root / self.folder).is_dir():
            raise UsageError(f"{self.title} lies in {settings.root / self.folder}, which isn't there")
