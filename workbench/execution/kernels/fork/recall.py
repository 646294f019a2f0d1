"""What modules show while they are imported ahead, kept for the notebook that imports them.

Such a module is set aside: the notebook's import finds it here, and shows what it showed. One that shows nothing,
as most do, stays where it is.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType
from typing import Any

# Where the import itself stands; a warning may be told to point there.
_IMPORTER = "<import>"


@dataclass(eq=False)
class _Shown:
    """Something that was shown, and the modules that were being imported then, the outermost first."""

    show: Callable[[], None]
    chains: list[tuple[str, ...]] = field(default_factory=list)


class Recall:
    """Imports modules as a cell would, in the process that notebooks are forked from."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._aside: dict[str, ModuleType] = {}
        self._shown: list[_Shown] = []
        self._importing: str | None = None
        self._files = [os.memfd_create(name) for name in ("stdout", "stderr")]
        for number, file in enumerate(self._files, 1):
            os.dup2(file, number)
        self._show_warning = warnings.showwarning
        warnings.showwarning = self._take_warning
        sys.meta_path.insert(0, self)

    def load(self, name: str) -> None:
        """Import a module; one that can't be is left for the notebook to report."""
        self._importing = name
        session = self._app.session
        streams: tuple[Any, ...] = (sys.stdout, sys.stderr)
        session.recorder = self._take_message
        for stream in streams:
            stream.recorder = self._take_text
        places = [os.lseek(file, 0, os.SEEK_CUR) for file in self._files]
        code = compile(f"import {name}", _IMPORTER, "exec")
        try:
            with contextlib.suppress(BaseException), self._app.shell.builtin_trap:
                exec(code, {"__name__": "__main__"})  # noqa: S102  a statement, as a cell has it
            for stream, file, place in zip(streams, self._files, places, strict=True):
                if (end := os.lseek(file, 0, os.SEEK_CUR)) > place:
                    text = os.pread(file, end - place, place).decode("utf-8", "replace")
                    self._take_text(stream.name, text)
        finally:
            self._importing = session.recorder = None
            for stream in streams:
                stream.recorder = None
            self._set_aside()

    def _set_aside(self) -> None:
        """Take away the modules that showed something, and what lies in them."""
        for shown in self._shown:
            # A module that failed isn't there, and will do it all again.
            present = (tuple(name for name in chain if name in sys.modules or name in self._aside)
                       for chain in shown.chains)  # fmt: skip
            shown.chains = [chain for chain in present if chain]
        self._shown = [shown for shown in self._shown if shown.chains]
        tops = {name for shown in self._shown for chain in shown.chains for name in chain}
        for name in list(sys.modules):
            if any(name == top or name.startswith(f"{top}.") for top in tops):
                self._aside[name] = sys.modules.pop(name)

    # What is shown

    def _take(self, show: Callable[[], None]) -> None:
        self._shown.append(_Shown(show, [self._chain()]))

    def _chain(self) -> tuple[str, ...]:
        """Return the modules that are being imported, the outermost first; at least the one that was asked for."""
        names: list[str] = []
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename != _IMPORTER:
            name = str(frame.f_globals.get("__name__"))
            if frame.f_code.co_name == "<module>" and name in sys.modules and name not in names:
                names.insert(0, name)
            frame = frame.f_back
        # What is written past Python comes to light when all is done.
        return (tuple(names) if frame else ()) or tuple(_parents(str(self._importing)))

    def _take_text(self, name: str, text: str) -> None:
        if text:
            self._take(lambda: getattr(sys, name).write(text))

    def _take_message(self, message: dict[str, Any], buffers: Sequence[Any]) -> None:
        self._take(lambda: _send(self._app, message, buffers))

    def _take_warning(
        self, message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: Any = None
    ) -> None:
        if self._importing is None:
            self._show_warning(message, category, filename, lineno, file, line)
            return

        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename != filename:
            frame = frame.f_back
        module = str(frame.f_globals.get("__name__")) if frame else filename

        def show() -> None:
            at = _importer()
            ours = (at.f_code.co_filename, at.f_lineno, str(at.f_globals.get("__name__")))
            # As the notebook's own filters have it: unseen, once, or an error.
            place = ours if filename == _IMPORTER else (filename, lineno, module)
            warnings.warn_explicit(message, category, *place, registry={})

        self._take(show)

    # What is found again

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return how a module that was set aside is found; others are not for us."""
        module = self._aside.get(name)
        if module is None:
            return None
        known = module.__spec__
        spec = ModuleSpec(name, self, origin=known and known.origin)  # type: ignore[arg-type]
        if known is not None:
            spec.submodule_search_locations = known.submodule_search_locations
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module as it was made."""
        module = self._aside[spec.name]
        # The machinery of imports puts its own in its place.
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Show what it showed, and have all back that it had brought."""
        spec = module.__spec__
        if spec is not None:
            module.__spec__ = spec.loader_state
        name = str(spec.name if spec else module.__name__)
        again, chain = [shown for shown in self._shown if _within(shown, name)], self._chain()
        back = {name}
        for shown in again:
            tails = [each[each.index(name) :] for each in shown.chains if name in each]
            back.update(part for tail in tails for part in tail)
            if self._importing is not None:
                shown.chains += [chain + tail for tail in tails]
        if self._importing is None:
            self._shown = [shown for shown in self._shown if shown not in again]
        waiting = {part for shown in self._shown for each in shown.chains for part in each}
        for part in list(self._aside):
            if part in back or (part not in waiting and any(part.startswith(f"{each}.") for each in back)):
                sys.modules[part] = self._aside.pop(part)
        if self._importing is None:
            for shown in again:
                shown.show()


def _within(shown: _Shown, name: str) -> bool:
    return any(name in chain for chain in shown.chains)


def _parents(name: str) -> Iterator[str]:
    """Yield a module's name after those of the packages it lies in."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        yield ".".join(parts[:count])


def _importer() -> FrameType:
    """Return the frame whose import is under way."""
    frame = sys._getframe(1)
    inner = (__file__, importlib.__file__)
    while frame.f_back and (
        frame.f_code.co_filename in inner or "<frozen importlib" in frame.f_code.co_filename
    ):
        frame = frame.f_back
    return frame


def _send(app: Any, message: dict[str, Any], buffers: Sequence[Any]) -> None:
    """Send a message anew, as one of the cell that runs now."""
    kind, content = message["header"]["msg_type"], message["content"]
    if kind in ("display_data", "update_display_data"):
        app.shell.display_pub.publish(
            content["data"], content["metadata"], transient=content.get("transient"), update=kind[0] == "u"
        )
    else:
        app.session.send(
            None, kind, content, app.kernel.get_parent(), buffers=buffers, metadata=message.get("metadata")
        )
