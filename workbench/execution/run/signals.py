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


def raise_on_signals() -> contextlib.AbstractContextManager[None]:
    """Raise :class:`Stopped`, with the signal's name, where a signal comes meanwhile."""
    return _signals(_stop)


def collect_signals(tell: Callable[[Stopped], None]) -> contextlib.AbstractContextManager[None]:
    """Tell of a signal that comes meanwhile, and interrupt nothing."""
    return _signals(lambda number, frame: tell(Stopped(signal.Signals(number).name)))


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
