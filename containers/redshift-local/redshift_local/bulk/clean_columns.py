"""Brings the text of a delimited or a JSON file into the form in which the table takes it, a column at a time."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from redshift_local.bulk.rows import Column
from redshift_local.errors import not_imitated
from redshift_local.operations import Copy

_TIMES = ("timestamp", "timestamptz")
_PATTERN = re.compile(r"YYYY|HH24|HH12|HH|MM|DD|MI|SS|MON|AM|PM|[^A-Za-z]")
_CODES = {
    "YYYY": "%Y", "MM": "%m", "DD": "%d", "HH24": "%H", "HH12": "%I", "HH": "%H", "MI": "%M", "SS": "%S",
    "MON": "%b", "AM": "%p", "PM": "%p",
}  # fmt: skip


def clean(array: pa.Array, column: Column, spec: Copy) -> pa.Array:
    """Return the column with the statement's rules for nulls, blanks, lengths and times applied."""
    if spec.format != "json" and not spec.escape:
        array = _nulled(array, pc.equal(array, spec.null))
    if column.is_text:
        if spec.trim_blanks:
            array = pc.utf8_rtrim(array, " ")
        if spec.blanks_as_null:
            array = _nulled(
                array, pc.and_(pc.equal(pc.utf8_trim_whitespace(array), ""), pc.not_equal(array, ""))
            )
        if spec.empty_as_null:
            array = _nulled(array, pc.equal(array, ""))
        if spec.truncate and column.length is not None:
            array = cut(array, column.length)
        return array
    array = pc.utf8_trim_whitespace(array)
    array = _nulled(array, pc.equal(array, ""))
    if column.type in _TIMES and spec.time_format != "auto":
        return _times(array, spec.time_format, "%Y-%m-%d %H:%M:%S")
    if column.type == "date" and spec.date_format != "auto":
        return _times(array, spec.date_format, "%Y-%m-%d")
    return array


def cut(array: pa.Array, length: int) -> pa.Array:
    """Return text cut to so many bytes, between two characters."""
    if (pc.max(pc.binary_length(array)).as_py() or 0) <= length:
        return array
    values = (
        None if value is None else value.encode()[:length].decode(errors="ignore")
        for value in array.to_pylist()
    )
    return pa.array(values, pa.string())


def _nulled(array: pa.Array, mask: pa.Array) -> pa.Array:
    return pc.if_else(pc.fill_null(mask, False), pa.scalar(None, pa.string()), array)


def time_pattern(words: str) -> str:
    """Return Redshift's pattern of a date or a time as one of strptime's. Raises SqlError for what isn't known."""
    parts, at = [], 0
    for found in _PATTERN.finditer(words.upper()):
        if found.start() != at:
            break
        parts.append(_CODES.get(found[0], found[0].replace("%", "%%")))
        at = found.end()
    if at != len(words) or not words:
        raise not_imitated(
            f"the time pattern '{words}'", "auto, epochsecs, epochmillisecs, or of YYYY MM DD HH24 MI SS"
        )
    return "".join(parts)


def _times(array: pa.Array, words: str, written: str) -> pa.Array:
    """Return text that PostgreSQL reads alike whatever its settings; what doesn't fit the pattern says so in itself."""
    if words in ("epochsecs", "epochmillisecs"):
        whole = pc.match_substring_regex(array, r"^-?\d{1,15}$")
        numbers = pc.cast(
            pc.if_else(pc.fill_null(whole, False), array, pa.scalar(None, pa.string())), pa.int64()
        )
        found = pc.cast(numbers, pa.timestamp("s" if words == "epochsecs" else "ms"))
        text = pc.cast(pc.cast(found, pa.timestamp("us")), pa.string())
    else:
        found = pc.strptime(array, format=time_pattern(words), unit="us", error_is_null=True)
        text = pc.strftime(pc.cast(found, pa.timestamp("s")), format=written)
    misfit = pc.and_(pc.is_null(found), pc.is_valid(array))
    return pc.if_else(misfit, pc.binary_join_element_wise(array, f"isn't like {words}", " "), text)
