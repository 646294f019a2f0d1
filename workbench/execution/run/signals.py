"""Signals that end a run: turned into an exception, and shut out while its end is recorded."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.execution.records.model import Run

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(KeyboardInterrupt):
    """A signal ended the run; ``run`` is its record, complete and saved."""

    run: Run

    def __init__(self, by: str = "", run: Run | None = None) -> None:
        super().__init__(by)
        if run is not None:
            self.run = run


class StopSwitch:
    """Ends runs that go on in other threads than the main one, where no signal reaches them; whoever holds it may."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tell: list[Callable[[Stopped], None]] = []
        self._by: str | None = None

    @property
    def is_set(self) -> bool:
        """Whether runs are to end, those that begin from now on too."""
        return self._by is not None

    def stop(self, by: str) -> None:
        """End them; ``by`` says what for, the name of a signal for example."""
        with self._lock:
            self._by = by
            for tell in self._tell:
                tell(Stopped(by))

    @contextlib.contextmanager
    def collect(self, tell: Callable[[Stopped], None]) -> Iterator[None]:
        """Tell of it and of signals that come meanwhile, and interrupt nothing."""
        with self._lock:
            self._tell.append(tell)
            if self._by is not None:
                tell(Stopped(self._by))
        try:
            with _signals(lambda number, frame: tell(Stopped(signal.Signals(number).name))):
                yield
        finally:
            with self._lock:
                self._tell.remove(tell)


def raise_on_signals() -> contextlib.AbstractContextManager[None]:
    """Raise :class:`Stopped`, with the signal's name, where a signal comes meanwhile."""
    return _signals(_stop)


def ignore_signals() -> contextlib.AbstractContextManager[None]:
    """Ignore the signals meanwhile."""
    return _signals(signal.SIG_IGN)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(signal.Signals(number).name)


@contextlib.contextmanager
def _signals(handler: Any) -> Iterator[None]:
    """Handle the signals that end a process in another way; one that is ignored stays so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    ours = [number for number, old in before.items() if old is not signal.SIG_IGN]
    for number in ours:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])
