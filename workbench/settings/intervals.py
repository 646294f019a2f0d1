"""How far readings are expected to be apart, as declared by metric or by sensor."""

from __future__ import annotations

import re

_SENSOR = "sensor:"
_NAME = re.compile(r"[\w .:/#+-]{1,128}")
_LONGEST = 366 * 86_400


def intervals(text: str) -> str:
    """Return declared intervals, ``temperature=300,sensor:T-17=60``, without blanks around words and with each name once.

    Raises:
        ValueError: a part isn't a name and a number of whole seconds up to a year, or names what another one names.
    """
    found: dict[str, int] = {}
    for part in (part.strip() for part in text.split(",") if text.strip()):
        name, _, seconds = (word.strip() for word in part.rpartition("="))
        of_sensor, sensor = name.startswith(_SENSOR), name.removeprefix(_SENSOR).strip()
        if not (
            _NAME.fullmatch(sensor)
            and seconds.isascii()
            and seconds.isdigit()
            and 0 < int(seconds) <= _LONGEST
        ):
            raise ValueError(
                f"{part!r} declares no interval; write METRIC=SECONDS or sensor:SENSOR=SECONDS, "
                f"as temperature=300,sensor:T-17=60, up to {_LONGEST} seconds"
            )
        name = f"{_SENSOR}{sensor}" if of_sensor else sensor.lower()
        if found.setdefault(name, int(seconds)) != int(seconds):
            raise ValueError(f"{name} has two intervals, {found[name]} and {seconds} seconds; leave one")
    return ",".join(f"{name}={seconds}" for name, seconds in found.items())
