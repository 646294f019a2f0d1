"""Text of others' on a terminal: what would steer it is shown, not obeyed; and streams that can take it."""

from __future__ import annotations

import io
import locale
import os
import re
import select
import stat
import sys
from contextlib import suppress
from typing import Any, cast

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
    # Nothing that steers counts as printable, and most texts are.
    if text.isprintable():
        return text
    return _STEERS.sub(lambda found: found[0] if found[0] in keep else _shown(found[0]), text)


def is_text(text: str) -> bool:
    """Whether a text can be written: Python keeps bytes that are none as lone halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(character: str) -> str:
    return (
        repr(character)[1:-1] if character < "\ud800" or character > "\udfff" else f"\\u{ord(character):04x}"
    )


class ReaderGone(Exception):
    """Nobody reads the output any more, and nothing else is to be done."""


class _Outlet(io.FileIO):
    """A pipe or a socket of the standard streams: once its reader has gone, what is written to it goes nowhere."""

    is_left = False

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            self.is_left = True
            self.leave()
            return memoryview(data).nbytes

    def leave(self) -> None:
        """Send what follows nowhere."""
        nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


def outlive_readers() -> None:
    """Let the program go on where the reader of its output or its errors goes away, as if all were read.

    Its work is done then all the same, and its exit status says how. Who has nothing to do but print asks `is_read`.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, io.TextIOWrapper) or not _is_pipe(stream):
            continue
        stream.flush()
        outlet = _Outlet(stream.fileno(), "w", closefd=False)
        # Without a buffer where Python was told to have none.
        buffer = outlet if isinstance(stream.buffer, io.RawIOBase) else io.BufferedWriter(outlet)
        for each in (name, f"__{name}__"):
            setattr(sys, each, io.TextIOWrapper(
                cast("io.BufferedWriter", buffer), encoding=stream.encoding, errors=stream.errors,
                line_buffering=stream.line_buffering, write_through=stream.write_through,
            ))  # fmt: skip


def _is_pipe(stream: io.TextIOWrapper) -> bool:
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def is_read() -> bool:
    """Whether somebody may still read the output."""
    outlet = _outlet(sys.stdout)
    return outlet is None or not outlet.is_left


def leave_full_pipes() -> None:
    """Wait for no reader that is slow, or stopped: what a pipe has no room for at the moment goes nowhere."""
    for stream in (sys.stdout, sys.stderr):
        outlet = _outlet(stream)
        if outlet is None:
            continue
        room = select.poll()
        room.register(outlet.fileno(), select.POLLOUT)
        if not room.poll(0):
            outlet.leave()


def _outlet(stream: Any) -> _Outlet | None:
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)
    return raw if isinstance(raw, _Outlet) else None


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
                if isinstance(stream, io.TextIOWrapper):
                    stream.reconfigure(
                        encoding=shown, errors=stream.errors if stream is sys.stderr else "strict"
                    )
    elif sys.getfilesystemencoding() != "utf-8" and sys.executable and "utf8" not in sys._xoptions:
        words = [sys.executable, *_UTF8, *sys.orig_argv[1:]]
        os.execve(sys.executable, words, {**os.environ, "PYTHONUTF8": "1"})  # noqa: S606
