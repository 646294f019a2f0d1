"""Text of others' on a terminal: what would steer it is shown, not obeyed; and streams that can take it."""

from __future__ import annotations

import locale
import os
import re
import sys
from contextlib import suppress
from io import TextIOWrapper

# Control characters, C1 too (a terminal may take U+009B for ESC [); line and paragraph separators; what turns the
# direction of writing round; lone surrogates, which can't be encoded.
_STEERS = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)

_UTF8 = ["-X", "utf8"]


def printable(text: str, *, longest: int | None = None, keep: str = "") -> str:
    """Return a text as one line that a terminal only shows: an escape is ``\\x1b``, a line's end ``\\n``.

    Args:
        text: anything.
        longest: characters from which on it is cut; how many are left out is said.
        keep: characters that stay as they are.
    """
    if longest is not None and len(text) > longest:
        text = f"{text[:longest]}… ({len(text) - longest:,} more characters)"
    return _STEERS.sub(lambda found: found[0] if found[0] in keep else _shown(found[0]), text)


def _shown(character: str) -> str:
    return (
        repr(character)[1:-1] if character < "\ud800" or character > "\udfff" else f"\\u{ord(character):04x}"
    )


def tell(text: str) -> None:
    """Print a line on stderr, on which nobody's work depends: who reads it may have gone, and its disk may be full."""
    with suppress(OSError, ValueError):
        print(printable(text), file=sys.stderr, flush=True)


def open_standard_streams() -> None:
    """Open those of the three that came closed, to nowhere: the next file opened would else be written to as one of them."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free: this one.
            os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115  for good


def prefer_utf8() -> None:
    """Start this program anew in Python's UTF-8 mode, where a locale has paths in another encoding.

    DuckDB and whoever reads our files take UTF-8 alone, and so the interpreters that this one starts are in that mode,
    too. What a terminal shows stays in the encoding of the locale.
    """
    if sys.flags.utf8_mode:
        # In the locale C, whose encoding is ASCII, Python itself writes UTF-8.
        shown = locale.getencoding()
        if sys.orig_argv[1:3] == _UTF8 and not re.search("ascii|ansi_x3|646", shown, re.IGNORECASE):
            for stream in (sys.stdin, sys.stdout, sys.stderr):
                if isinstance(stream, TextIOWrapper):
                    stream.reconfigure(
                        encoding=shown, errors=stream.errors if stream is sys.stderr else "strict"
                    )
    elif sys.getfilesystemencoding() != "utf-8" and sys.executable and "utf8" not in sys._xoptions:
        words = [sys.executable, *_UTF8, *sys.orig_argv[1:]]
        os.execve(sys.executable, words, {**os.environ, "PYTHONUTF8": "1"})  # noqa: S606
