"""The change log of the demo's customers: households of the Complete Journey with invented contact details.

Some people are customers twice or three times under other ids; who is who is kept as the truth.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from workbench.demo.journey.contacts import Contact, invent, move, new_email, new_phone, respell

COLUMNS = (
    "customer_id", "updated_at", "first_name", "last_name", "email", "phone", "street", "city", "state",
    "postal_code", "country", "is_deleted",
)  # fmt: skip
FILES = ("2016-12-31.csv", "2017-06-30.csv", "2017-12-31.csv")
_SEED = "complete journey"
_OPENING = datetime(2016, 1, 4)
_YEAR = datetime(2017, 1, 1)
_SECOND_ID, _THIRD_ID = 5_000, 8_000
_BAD = (
    ("updated_at:invalid", "5201", "2017-02-30 09:00:00"), ("updated_at:invalid", "5202", "yesterday"),
    ("updated_at:invalid", "5203", "31.12.2016"), ("updated_at:missing", "5204", ""),
    ("updated_at:missing", "5205", ""), ("customer_id:missing", "", "2016-11-02 10:15:00"),
    ("customer_id:missing", " ", "2016-11-03 11:30:00"), ("customer_id:missing", "", "2016-11-04 12:45:00"),
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One line of the change log; ``file`` is the position in FILES of the file that brings it."""

    customer_id: str
    updated_at: str
    contact: Contact
    is_deleted: bool
    file: int


@dataclass(frozen=True)
class Duplicate:
    """A further id of a household, and the share of its baskets, in percent, that it takes from ``since``."""

    household: int
    customer_id: str
    since: datetime
    first_percent: int
    last_percent: int


@dataclass
class CustomerLog:
    """The whole change log; ``truth`` pairs each customer_id with the person it is."""

    entries: list[Entry] = field(default_factory=list)
    duplicates: list[Duplicate] = field(default_factory=list)
    truth: list[tuple[str, str]] = field(default_factory=list)
    moves: int = 0
    deletions: int = 0
    resends: int = 0
    bad_rows: dict[str, int] = field(default_factory=dict)


def build(households: Sequence[int]) -> CustomerLog:
    """Return the change log of these households; what a household gets depends on its number alone."""
    log = CustomerLog()
    for household in sorted(households):
        _household(log, household)
    for reason, _, _ in _BAD:
        log.bad_rows[reason] = log.bad_rows.get(reason, 0) + 1
    return log


def _household(log: CustomerLog, household: int) -> None:
    rng = random.Random(f"{_SEED}/{household}")  # noqa: S311  invented data, nothing secret
    person = f"P{household:05d}"
    contact = _contact(household, rng)
    joined = _moment(rng, _OPENING, _YEAR)
    log.truth.append((str(household), person))
    log.entries.append(Entry(str(household), _text(joined), contact, False, 0))
    changes = _changes(log, household, contact, rng)
    if rng.random() < 0.08:
        _duplicate(log, household, person, [(joined, contact), *changes], rng)


def _contact(household: int, rng: random.Random) -> Contact:
    """Return the household's details; a few share family name and address with other people."""
    own = invent(f"{_SEED}/person/{household}")
    if household % 2 or rng.random() >= 0.05:
        return own
    home = invent(f"{_SEED}/person/{household - 1}")
    email = new_email(own.first_name, home.last_name, rng)
    return replace(home, first_name=own.first_name, email=email, phone=new_phone(home.country, rng))


def _changes(
    log: CustomerLog, household: int, contact: Contact, rng: random.Random
) -> list[tuple[datetime, Contact]]:
    """Add what happens to a household after its first entry; return when it changed to what."""
    happened: list[tuple[datetime, Contact]] = []
    name, now = str(household), contact
    if rng.random() < 0.10:
        now = move(now, f"{_SEED}/move/{household}")
        if rng.random() < 0.3:
            now = replace(now, phone=new_phone(now.country, rng))
        happened.append((_moment(rng, _YEAR, _YEAR + timedelta(days=180)), now))
        log.moves += 1
    if rng.random() < 0.06:
        now = replace(now, email=new_email(now.first_name, now.last_name, rng))
        happened.append((_moment(rng, _YEAR + timedelta(days=181), _YEAR + timedelta(days=330)), now))
    for when, details in happened:
        # One change in eight is reported late: a later file brings it.
        late = rng.random() < 0.125
        log.entries.append(Entry(name, _text(when), details, False, 2 if late else _file(when)))
    if rng.random() < 0.05:
        when = _moment(rng, _YEAR + timedelta(days=331), _YEAR + timedelta(days=345))
        log.entries.append(Entry(name, _text(when), now, False, 2))
        log.resends += 1
    if rng.random() < 0.01:
        when = _moment(rng, _YEAR + timedelta(days=346), _YEAR + timedelta(days=355))
        log.entries.append(Entry(name, _text(when), now, True, 2))
        log.deletions += 1
        if rng.random() < 0.2:
            log.entries.append(Entry(name, _text(when + timedelta(days=5)), now, False, 2))
    return happened


def _duplicate(
    log: CustomerLog, household: int, person: str, history: list[tuple[datetime, Contact]], rng: random.Random
) -> None:
    ids = [_SECOND_ID, _THIRD_ID] if rng.random() < 0.15 else [_SECOND_ID]
    percent = 0
    for base in ids:
        since = _moment(rng, datetime(2016, 9, 1), datetime(2017, 9, 30))
        known = [contact for when, contact in history if when <= since] or [history[0][1]]
        name = str(base + household)
        log.entries.append(Entry(name, _text(since), respell(known[-1], rng), False, _file(since)))
        log.truth.append((name, person))
        share = rng.randrange(15, 45)
        log.duplicates.append(Duplicate(household, name, since, percent, percent + share - 1))
        percent += share


def _moment(rng: random.Random, start: datetime, end: datetime) -> datetime:
    return start + timedelta(seconds=rng.randrange(int((end - start).total_seconds())))


def _file(when: datetime) -> int:
    return 0 if when < _YEAR else 1 if when < datetime(2017, 7, 1) else 2


def _text(when: datetime) -> str:
    return when.isoformat(sep=" ")


def write(log: CustomerLog, folder: Path) -> dict[str, int]:
    """Write the log's files into ``folder``; return the number of rows of each, bad rows included."""
    counts = {}
    for number, name in enumerate(FILES):
        entries = [entry for entry in log.entries if entry.file == number]
        rows = [
            row(entry) for entry in sorted(entries, key=lambda entry: (entry.updated_at, entry.customer_id))
        ]
        if number == 1:
            rows += [_bad(customer_id, when) for _, customer_id, when in _BAD]
        _write(folder / name, COLUMNS, rows)
        counts[name] = len(rows)
    return counts


def write_truth(log: CustomerLog, path: Path) -> int:
    """Write which customer_id is which person; return the number of rows."""
    _write(
        path,
        ("customer_id", "person_id"),
        sorted(log.truth, key=lambda pair: (pair[1], len(pair[0]), pair[0])),
    )
    return len(log.truth)


def row(entry: Entry) -> tuple[str, ...]:
    """Return an entry as a row of the dataset, in the order of COLUMNS."""
    return (
        entry.customer_id,
        entry.updated_at,
        *entry.contact.values(),
        "true" if entry.is_deleted else "false",
    )


def _bad(customer_id: str, when: str) -> tuple[str, ...]:
    details = Contact("Robin", "Sample", "robin.sample@example.com", "", "", "", "", "", "US")
    return (customer_id, when, *details.values(), "false")


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
