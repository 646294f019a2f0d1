"""Files written whole or not at all, and lines added to them in one piece."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from workbench.private import private_folder


def write_text(path: Path, text: str) -> None:
    """Write a file at once: a reader sees the old one or the new one, never a part."""
    name = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    # Few calls: after each, a thread waits for its turn as long as another renders pages.
    try:
        handle = os.open(name, flags, 0o644)
    except FileNotFoundError:
        private_folder(path.parent)
        handle = os.open(name, flags, 0o644)
    try:
        try:
            view = memoryview(text.encode())
            while view:
                view = view[os.write(handle, view) :]
        finally:
            os.close(handle)
        name.replace(path)
    except BaseException:
        name.unlink(missing_ok=True)
        raise


def append_line(path: Path, line: str) -> None:
    """Add a line to a file, made if it isn't there, in one piece: lines of several processes don't mix."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, f"{line}\n".encode())
    finally:
        os.close(handle)
