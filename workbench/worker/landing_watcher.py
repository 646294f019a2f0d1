"""Watch the landing folder and put a message into the embedded queue for each file that is complete."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from watchfiles import Change, watch

from workbench.errors import UsageError, WorkbenchError
from workbench.private import private_folder
from workbench.queue.messages import Files, file_uri
from workbench.queue.sqlite import SQLiteQueue
from workbench.settings import Settings
from workbench.sources.landing import (
    FolderLanding,
    IdentifiedFile,
    Unavailable,
    data_files,
    dataset_of,
    is_data,
    open_landing,
)
from workbench.worker.completed import Finished

SETTLE = 1.0


class LandingWatcher:
    """A thread that watches; what was in landing before it started counts too, unless it is done.

    A file is complete when nothing about it has changed for ``settle`` seconds.

    Raises:
        UsageError: landing is no folder.
    """

    def __init__(
        self,
        queue: SQLiteQueue,
        settings: Settings,
        finished: Finished,
        *,
        settle: float = SETTLE,
        log: Callable[[str], None],
    ) -> None:
        landing = open_landing(settings)
        if not isinstance(landing, FolderLanding):
            raise UsageError(
                f"files land in {landing.uri}, and only a folder can be watched; have S3 send its events to a queue "
                "of SQS, and name that in WORKBENCH_QUEUE_URL"
            )
        self._queue, self._finished = queue, finished
        self._landing, self._folder = FolderLanding(landing.folder), landing.folder
        self._settle, self._log = settle, log
        self._stop, self._watching = threading.Event(), threading.Event()
        self._looked_before = False
        self._restless: dict[Path, tuple[tuple[int, int] | None, float]] = {}
        self._known: dict[Path, tuple[int, int] | None] = {}
        self._thread = threading.Thread(target=self._keep_watching, name="watch", daemon=True)

    def start(self) -> None:
        """Send messages for what is there, and watch from now on; may be called again if it fails.

        Raises:
            WorkFailed: the warehouse or the queue can't be asked for now.
        """
        private_folder(self._folder)
        if self._thread.ident is None:
            self._thread.start()
        self._looked_before = not self._watching.wait(10)
        for file in self._unfinished():
            self._queue.send_once(_body(file))

    def idle(self) -> bool:
        """Whether no file waits to be complete."""
        return not self._restless

    def mark_seen(self, file: IdentifiedFile) -> None:
        """Take a file, as it is now, for one that another message names already."""
        path = self._folder / file.landed.key
        self._known[path] = _state(path)

    def stop(self) -> None:
        """Watch no longer."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _unfinished(self) -> Iterator[Path]:
        """Yield the files in landing that are no longer written and not taken in."""
        files: list[IdentifiedFile] = []
        known = self._finished.known_files()
        for file in self._landing.files(self._log):
            if 0 <= time.time() - file.changed / 1e9 < self._settle:
                self._restless.setdefault(self._folder / file.key, (None, time.monotonic()))
                continue
            if (batch_id := known.batch_id(file)) is None:
                try:
                    with self._landing.fetch(file) as fetched:
                        batch_id = fetched.batch_id
                except Unavailable as problem:
                    self._log(str(problem))
                    continue
            files.append(IdentifiedFile(file, batch_id))
        pending = self._finished.pending(files)
        yield from (self._folder / file.landed.key for file in files if file.batch_id in pending)

    def _keep_watching(self) -> None:
        """Watch, and begin again when the folder was replaced by another."""
        while not self._stop.is_set():
            try:
                self._watch()
            except Exception as problem:
                self._log(f"can't watch {self._folder} for now: {type(problem).__name__}: {problem}")
                self._stop.wait(5)

    def _watch(self) -> None:
        private_folder(self._folder)
        with _Folder(self._folder) as folder:
            self._follow(folder)

    def _follow(self, folder: _Folder) -> None:
        changes = watch(
            self._folder,
            watch_filter=lambda change, path: change != Change.deleted and self._is_data(Path(path)),
            stop_event=self._stop,
            debounce=200,
            step=50,
            rust_timeout=200,
            yield_on_timeout=True,
        )
        first = True
        for some in changes:
            if first:
                first = False
                # From now on nothing escapes; what came before is looked for, by start() or, the next time, here.
                if self._watching.is_set() or self._looked_before:
                    now = time.monotonic()
                    self._restless |= dict.fromkeys(data_files(self._folder), (None, now))
                self._watching.set()
            for _, name in some:
                self._restless[Path(name)] = (None, time.monotonic())
            self._look()
            # A folder that was deleted tells nobody of what is made in its place.
            if folder.deleted:
                return

    def _is_data(self, path: Path) -> bool:
        key = self._landing.key_of(str(path))
        return is_data(PurePosixPath(path.name if key is None else key))

    def _has_dataset(self, path: Path) -> bool:
        key = self._landing.key_of(str(path))
        return key is None or dataset_of(PurePosixPath(key)) is not None

    def _look(self) -> None:
        for path, (before, since) in list(self._restless.items()):
            state, now = _state(path), time.monotonic()
            if state is None or state == self._known.get(path):
                self._restless.pop(path, None)
            elif state != before:
                self._restless[path] = (state, now)
            elif now - since >= self._settle:
                if not self._has_dataset(path):
                    self._log(f"{path} lies in no dataset's folder and is left alone")
                    self._restless.pop(path, None)
                    continue
                try:
                    self._queue.send_once(_body(path), anew=True)
                except WorkbenchError as problem:
                    self._log(f"can't queue {path} for now: {problem}")
                    continue
                self._restless.pop(path, None)


class _Folder:
    """A folder held open, so that its deletion shows even if another takes its place and its number."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> _Folder:
        self._handle = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)

    @property
    def deleted(self) -> bool:
        return os.fstat(self._handle).st_nlink == 0


def _body(path: Path) -> str:
    return Files(files=(file_uri(str(path)),)).body()


def _state(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns) if path.is_file() else None
