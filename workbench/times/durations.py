"""The one way in which durations are written: in maps, as values of parameters, and in ``sources.yaml``."""

from __future__ import annotations

import datetime
import re
from typing import Any

_SPAN = re.compile(r"(-?\d+)\s*(ms|s|m|h|d|w)")
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
# A bare number would be taken for seconds.
_LONG_FORM = re.compile(r"[+-]?P|\d+ day|-?\d+:")


def read_duration(value: Any) -> datetime.timedelta:
    """Return what is written as ``500ms``, ``90s``, ``15m``, ``2h``, ``1d``, ``1w``, ``PT1H30M`` or ``1:30:00``.

    Raises:
        ValueError: it is written in no such way, or too long; the text says so.
    """
    shown = f"{value!r:.80}"
    text = value.strip() if isinstance(value, str) else ""
    if found := _SPAN.fullmatch(text):
        try:
            return datetime.timedelta(**{_UNITS[found[2]]: int(found[1])})
        except OverflowError:
            raise ValueError(f"{shown} is too long") from None
    if not _LONG_FORM.match(text):
        raise ValueError(f"{shown} is not written as 90s, 15m, 2h, 1d or PT1H30M")
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(datetime.timedelta).validate_python(text)
    except ValidationError as error:
        raise ValueError(f"{shown} given ({error.errors()[0]['msg'].lower()})") from None


def written(span: datetime.timedelta) -> str:
    """Return a duration as people write it, in one unit where that is short: ``90s``, ``2h``, ``1d``, ``PT1H0M1S``."""
    sign, span = ("-", -span) if span < datetime.timedelta() else ("", span)
    for unit in ("w", "d", "h", "m", "s", "ms"):
        count, rest = divmod(span, datetime.timedelta(**{_UNITS[unit]: 1}))
        if count and not rest and count < 1000:
            return f"{sign}{count}{unit}"
    if not span:
        return "0s"
    minutes, seconds = divmod(span.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    exactly = f"{seconds}.{span.microseconds:06}".rstrip("0") if span.microseconds else str(seconds)
    days = f"{span.days}D" if span.days else ""
    return f"{sign}P{days}T{hours}H{minutes}M{exactly}S"
