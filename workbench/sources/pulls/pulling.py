"""Pull from one declared source: what is new in it lands, and the ledger says from where to go on."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from workbench.errors import UsageError, WorkbenchError, WorkFailed, cause_of, first_line
from workbench.numbers import many
from workbench.private import private_folder
from workbench.secrets.secret import Secret
from workbench.settings import Settings
from workbench.sources.files import land
from workbench.sources.pulls.database.reader import DatabaseReader
from workbench.sources.pulls.entries import Entry, Status, now
from workbench.sources.pulls.ledger import Ledger
from workbench.sources.pulls.outcomes import Outcome
from workbench.sources.pulls.reading import Declared
from workbench.sources.pulls.references import Revealed
from workbench.sources.pulls.rest.reader import RestReader
from workbench.sources.pulls.rows import Reader
from workbench.sources.pulls.taking import Places, Progress, Taking


def pull(
    declared: Declared,
    places: Places,
    *,
    full: bool = False,
    since: str | None = None,
    progress: Progress = lambda read, landed: None,
) -> Outcome:
    """Land what a source has that hasn't landed yet.

    Args:
        declared: the source.
        places: where from and where to.
        full: read all of it, from its beginning.
        since: a value of its cursor to read from, instead of the one in the ledger.
        progress: called with the rows read and landed so far, after each page or chunk.

    Raises:
        UsageError: what is declared of it is wrong, or a secret is missing.
        WorkFailed: it can't be reached, or answers wrongly. What landed by then stays, and the next pull goes on there.
    """
    revealed = Revealed(*places.settings.secrets)
    ledger = Ledger(places.warehouse, declared.name, places.landing, places.settings)
    entry = Entry(
        declared.name, "failed", now(), now(), declared.dataset, places.run_id, version=declared.version
    )
    try:
        with _alone(places.settings, declared.name):
            if declared.source.files is not None:
                return _files(declared, places, ledger, entry, revealed)
            with contextlib.closing(open_reader(declared, revealed)) as reader:
                return Taking(declared, places, ledger, reader, entry, progress).run(full, since)
    except Exception as error:
        problem = told(declared.name, error, revealed)
        message = str(problem).removeprefix(f"source {declared.name}: ")
        failed = replace(entry, ended_at=now(), puller=ledger.puller, message=message)
        # Where the warehouse itself is the trouble, that is the error to be told.
        with contextlib.suppress(Exception):
            ledger.fail(failed, alert=places.run_id is not None)
    # Outside of the handler: a traceback of what was before may show a secret.
    raise problem


def open_reader(declared: Declared, revealed: Revealed) -> Reader:
    """Return what reads the rows of an API or a database.

    Raises:
        UsageError: what is declared of it is wrong, or a secret is missing.
        WorkFailed: the database can't be reached.
    """
    source = declared.source
    if source.rest:
        return RestReader(source.rest, source.cursor, source.key, revealed)
    if source.database:
        return DatabaseReader(source.database, source.cursor, source.key, declared.folder, revealed)
    raise UsageError(f"source {declared.name} is of files, which are fetched as they are")


def told(name: str, error: Exception, revealed: Revealed) -> WorkbenchError:
    """Return the error of a source as it may be shown to anybody."""
    if isinstance(error, WorkbenchError):
        text = str(error)
    else:
        text = cause_of(error) or f"{type(error).__name__}: {first_line(str(error))}"
    kind = UsageError if isinstance(error, UsageError) else WorkFailed
    return kind(f"source {name}: {revealed.clean(text)}")


def _files(declared: Declared, places: Places, ledger: Ledger, entry: Entry, revealed: Revealed) -> Outcome:
    """Land files, each by its content: one that landed before is no new one."""
    mapping = declared.folder / declared.source.map if declared.source.map else None
    landed = land(
        place_of(declared, revealed),
        declared.dataset,
        mapping,
        landing=places.landing,
        secret=secret_of(declared, revealed),
        check=places.check,
    )
    new = [file.uri for file in landed if file.is_new]
    message = f"{len(new):,} of {many(len(landed), 'file')} {'is' if len(new) == 1 else 'are'} new"
    status: Status = "landed" if new else "nothing_new"
    state = ledger.state(declared.version)
    ledger.enter(replace(entry, status=status, message=message), state)
    return Outcome(declared.name, status, files=tuple(new), message=message)


def place_of(declared: Declared, revealed: Revealed) -> str:
    """Return where the files of a source are: an address, or a path that begins in the folder of ``sources.yaml``."""
    place = revealed.address(str(declared.source.files))
    return place if "://" in place else str(declared.folder / Path(place).expanduser())


def secret_of(declared: Declared, revealed: Revealed) -> Secret | None:
    """Return the password or token of a source of files, if it has one."""
    if declared.source.secret is None:
        return None
    # Looked up here, it is blotted out of what may be said of it.
    revealed.secret(declared.source.secret)
    return Secret(declared.source.secret)


@contextlib.contextmanager
def _alone(settings: Settings, name: str) -> Iterator[None]:
    """Be the only one of this home who pulls from a source.

    Raises:
        WorkFailed: another process does so now.
    """
    folder = settings.home / "pulls"
    private_folder(folder)
    with (folder / f"{name}.lock").open("a") as file:
        try:
            # Of this process alone, and gone with it, however it ends.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise WorkFailed("another process is pulling from it now") from None
        yield
