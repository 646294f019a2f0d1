"""Whole transactions, done again where others were in the way or the connection broke."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import tenacity

from workbench.errors import WorkbenchError, WorkFailed
from workbench.warehouse.redshift.address import Address
from workbench.warehouse.redshift.connection import RedshiftSession, open_session
from workbench.warehouse.redshift.errors import Conflict, ConnectionLost

T = TypeVar("T")
ATTEMPTS = 6


class Undecided(WorkFailed):
    """The connection broke while the work was committed: whether it was, nobody knows."""


@contextmanager
def transaction(address: Address, *, read_only: bool = False) -> Iterator[RedshiftSession]:
    """Open one transaction: committed at the end, undone by an error.

    Raises:
        Undecided: the connection broke as it was committed.
    """
    with open_session(address) as session:
        session.execute("BEGIN READ ONLY" if read_only else "BEGIN")
        try:
            yield session
        except BaseException:
            # The error that ended the work says more than one of undoing it; a broken connection undoes by itself.
            with suppress(WorkbenchError):
                session.execute("ROLLBACK")
            raise
        try:
            session.execute("COMMIT")
        except ConnectionLost as error:
            if read_only:
                return
            raise Undecided(f"{error}; it broke as the work was committed, so look whether it was") from None


def run(
    address: Address,
    work: Callable[[RedshiftSession], T],
    *,
    read_only: bool = False,
    repeatable: bool = False,
) -> T:
    """Do work in a transaction of its own, up to six times in about ten seconds.

    Args:
        address: where.
        work: called anew with each try's session.
        read_only: whether the transaction may only read.
        repeatable: whether to try again, too, when nobody knows if the work was committed.
    """
    mends = (Conflict, ConnectionLost, Undecided) if repeatable or read_only else (Conflict, ConnectionLost)

    def once() -> T:
        with transaction(address, read_only=read_only) as session:
            return work(session)

    return again(once, mends)


def again(attempt: Callable[[], T], mends: tuple[type[Exception], ...] = (ConnectionLost,)) -> T:
    """Call until it doesn't raise what another try may mend, with growing pauses that differ by chance."""
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(mends),
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_random_exponential(multiplier=0.1, max=5),
        reraise=True,
    )
    return retrying(attempt)
