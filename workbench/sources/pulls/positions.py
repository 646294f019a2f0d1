"""Positions of a cursor: how they compare, how far back a pull reads again, and how the ledger keeps them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

from workbench.errors import UsageError
from workbench.schema import cut
from workbench.terminal import is_text

Kind = Literal["timestamp", "date", "number", "text"]
Lag = timedelta | Decimal
_TIMES = timedelta(hours=1)
_DAYS = timedelta(days=1)
_NUMBERS = Decimal(1000)
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_UNSORTED = re.compile(r"([0-2]?\d|3[01])([./-])([0-2]?\d|3[01])\2\d{4}(?!\d|\2).*")
"""Days whose year doesn't come first."""
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?")
_SECONDS = re.compile(r"\d\d:\d\d:\d\d")
_TAIL = re.compile(r"([.,]\d+)?([Zz]|[+-]\d\d(?::?\d\d){0,2})?$")


@dataclass(frozen=True)
class Position:
    """One value of a cursor, of the type in which its source has it.

    A time without a zone is UTC. A text that is a time (as APIs and SQLite have them) counts as one; its value stays
    as it was written.
    """

    kind: Kind
    value: Any

    @classmethod
    def of(cls, value: Any) -> Position | None:
        """Return the position of a value that a source gave; None for no value."""
        if value is None or value == "":
            return None
        if isinstance(value, datetime):
            return cls("timestamp", value)
        if isinstance(value, date):
            return cls("date", value)
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            number = Decimal(str(value))
            return cls("number", number) if number.is_finite() else None
        text = str(value)
        # What is no text at all can't be kept, nor asked for.
        return cls("text", text) if is_text(text) else None

    @classmethod
    def typed(cls, text: str) -> Position:
        """Return what a person wrote, as a number, a day or a time where it is one."""
        position = cls("text", text)
        if (moment := position.moment) is not None:
            return cls("date", moment.date()) if len(text) == 10 else cls("timestamp", _parsed(text))
        return cls.written(text)

    @classmethod
    def written(cls, text: str) -> Position:
        """Return what a person wrote, as a number where it is one, and as text where it isn't."""
        return cls("number", Decimal(text)) if _NUMBER.fullmatch(text) else cls("text", text)

    @classmethod
    def kept(cls, text: str | None) -> Position | None:
        """Return a position as the ledger has it; None if it has none."""
        if not text:
            return None
        kind, _, value = text.partition(" ")
        if kind == "timestamp":
            return cls("timestamp", datetime.fromisoformat(value))
        if kind == "date":
            return cls("date", date.fromisoformat(value))
        return cls("number", Decimal(value)) if kind == "number" else cls("text", value)

    def __str__(self) -> str:
        """Return it as the ledger keeps it."""
        return f"{self.kind} {self.shown}"

    @property
    def shown(self) -> str:
        """The value as text, as an API is asked for it."""
        if self.kind in ("timestamp", "date"):
            return str(self.value.isoformat())
        return f"{self.value:f}" if self.kind == "number" else str(self.value)

    @cached_property
    def moment(self) -> datetime | None:
        """The moment it stands for, with its zone; None if it is no time."""
        if self.kind == "timestamp":
            return _aware(self.value)
        if self.kind == "date":
            return datetime(self.value.year, self.value.month, self.value.day, tzinfo=UTC)
        if self.kind == "text" and _ISO.fullmatch(self.value):
            try:
                return _aware(_parsed(self.value))
            except ValueError:
                return None
        return None

    @property
    def place(self) -> float | None:
        """Where it stands among others: seconds since 1970, or the number; None for a text that is neither."""
        if self.moment is not None:
            return self.moment.timestamp()
        return float(self.value) if self.kind == "number" else None

    @property
    def order(self) -> tuple[int, Any]:
        """What two positions of one source are compared by.

        Where values are of several kinds, a word among times or numbers, as ``n/a``, is below all of these: it would
        hide every later row.
        """
        if self.moment is not None:
            return 2, self.moment
        return (1, self.value) if self.kind == "number" else (0, self.value)

    def back(self, lag: Lag | None, *, as_written: bool = False) -> Position:
        """Return the position from which rows are read again; without a lag, an hour, a day or 1,000 before.

        A text that is a time comes as the shortest of its moment, which sorts before all others of it, or ``as_written``
        with its seconds and its zone, for who takes it for a time: without a zone it would be one of the server's.

        Raises:
            UsageError: the lag is a span of time and the cursor a number, or the other way round; or the cursor is a text
                that no lag can be taken off, or that doesn't sort by the days that it tells.
        """
        moment = self.moment
        if moment is None and self.kind != "number":
            self._check_text(lag)
            return self
        fitting = isinstance(lag, timedelta) == (moment is not None)
        if lag is not None and not fitting and lag:
            what = "times, so it is one: 90s, 15m, 2h or 1d" if moment else "numbers, so it is one: 1000"
            raise UsageError(f"cursor.lag: the cursor's values are {what}")
        if moment is None:
            less = _NUMBERS if lag is None else Decimal() if isinstance(lag, timedelta) else lag
            return Position("number", self.value - less)
        span = lag if isinstance(lag, timedelta) else timedelta()
        if lag is None:
            span = _DAYS if self.kind == "date" or (self.kind == "text" and len(self.value) == 10) else _TIMES
        try:
            return self._at(moment - span, as_written)
        except OverflowError:
            return self

    def _check_text(self, lag: Lag | None) -> None:
        if _UNSORTED.fullmatch(self.value):
            raise UsageError(
                f"cursor.column: days as {cut(self.value, 40)!r} don't sort by time, so later rows would be missed; name a column "
                "of times as 2026-01-31 10:00:00 or of numbers, or turn it into one with a query, or leave the cursor out"
            )
        if lag:
            raise UsageError(
                f"cursor.lag: no lag can be taken off texts as {cut(self.value, 40)!r}; name a column of times as "
                "2026-01-31 10:00:00 or of numbers, or turn it into one with a query, or say lag: 0 if no row is ever late"
            )

    def is_until(self, now: datetime) -> bool:
        """Whether it doesn't lie in the future."""
        return self.moment is None or self.moment <= now

    def _at(self, moment: datetime, as_written: bool) -> Position:
        if self.kind == "date":
            return Position("date", moment.date())
        if self.kind == "timestamp":
            zone = self.value.tzinfo
            found = moment.astimezone(zone) if zone else moment.astimezone(UTC).replace(tzinfo=None)
            return Position("timestamp", found)
        zone = None if len(self.value) == 10 else _parsed(self.value).tzinfo
        local = moment.astimezone(zone or UTC)
        if not as_written:
            return Position("text", _shortest(local, self.value[10:11] or " "))
        if len(self.value) == 10:
            return Position("text", f"{local:%Y-%m-%d}")
        fraction, written = _TAIL.search(self.value).groups("")  # type: ignore[union-attr]
        tail = f"{re.sub('[0-9]', '0', fraction)}{written}" if written else ""
        time = f"{local:%H:%M:%S}" if _SECONDS.match(self.value, 11) else f"{local:%H:%M}"
        return Position("text", f"{local:%Y-%m-%d}{self.value[10]}{time}{tail}")


def _shortest(local: datetime, between: str) -> str:
    """Return the shortest text of a moment, in whole seconds: it sorts before all others of that moment."""
    if not (local.hour or local.minute or local.second):
        return f"{local:%Y-%m-%d}"
    return f"{local:%Y-%m-%d}{between}{local:%H:%M:%S}".removesuffix(":00")


def _parsed(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
