"""What an answer says beside its records: addresses, counts, how long to wait, and why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from workbench.errors import first_line

_DIGITS = 18


def origin(url: str) -> tuple[str, str]:
    """Return scheme and place of an address; never a user or a password of it."""
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return parts.scheme, f"{parts.hostname or ''}{port}"


def asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """Return for how many seconds a server asks us to wait: in seconds, or until a date."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if (seconds := whole_number(text)) is not None:
        return float(seconds)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def whole_number(text: str) -> int | None:
    """Return the number that a text is, written in the digits 0 to 9; None if it is none, or nobody's count of anything."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def excerpt(body: bytes) -> str:
    """Return the beginning of what was answered, in one line."""
    return first_line(body[:2000].decode("utf-8", "replace"), 200)


def reason(error: Exception) -> str:
    """Return why a request failed, without the address: a secret may be a part of it."""
    names = {
        "ReadTimeout": "no answer in time",
        "ConnectTimeout": "it can't be reached in time",
        "SSLError": "its certificate isn't trusted",
        "ChunkedEncodingError": "it cut its answer",
        "ContentDecodingError": "its answer can't be unpacked",
        "ProxyError": "the proxy can't be reached",
    }
    name = type(error).__name__
    if name in names:
        return names[name]
    text = str(error)
    for sign, words in (
        ("Connection refused", "connection refused"),
        ("Name or service not known", "there is no such host"),
        ("Temporary failure in name resolution", "its name can't be looked up"),
        ("Read timed out", "no answer in time"),
        ("Connection aborted", "it cut the connection"),
        ("Connection reset", "it cut the connection"),
    ):
        if sign in text:
            return words
    return f"it can't be reached ({name})"
