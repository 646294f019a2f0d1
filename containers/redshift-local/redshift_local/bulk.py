"""Recognizes the statements that move whole files: COPY from S3 and UNLOAD."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from redshift_local.copy_options import Copy, parse_copy
from redshift_local.copying import copy
from redshift_local.grammar import Words
from redshift_local.rewrite.tokens import Token
from redshift_local.unload_options import Unload, parse_unload
from redshift_local.unloading import unload

if TYPE_CHECKING:
    from redshift_local.session import Session


def parse(tokens: Sequence[Token]) -> Copy | Unload | None:
    """Return what a statement asks for, or None if it moves no files. Raises SqlError for a wrong option."""
    parts = [token for token in tokens if token.kind != "end"]
    if not parts or parts[0].word not in ("copy", "unload"):
        return None
    words = Words(parts, parts[0].word.upper())
    words.take()
    return parse_copy(words) if parts[0].word == "copy" else parse_unload(words)


def work(tokens: Sequence[Token]) -> Callable[[Session], Awaitable[str]] | None:
    """Return the work that a statement asks for, or None if it moves no files. Raises SqlError for a wrong option."""
    spec = parse(tokens)
    if spec is None:
        return None
    return partial(copy, spec) if isinstance(spec, Copy) else partial(unload, spec)
