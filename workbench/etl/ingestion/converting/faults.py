"""Why a file isn't read: it is of a foreign form, or it is damaged."""

from __future__ import annotations


class ForeignForm(Exception):
    """The file is of a form that isn't read; its text says which, and what to do.

    Args:
        text: what it is, and what to do.
        cut_short: whether it looks as one does that is still written.
    """

    def __init__(self, text: str, *, cut_short: bool = False) -> None:
        super().__init__(text)
        self.cut_short = cut_short


class Damaged(Exception):
    """The file breaks off, or holds what no program writes.

    Args:
        text: what is wrong.
        cut_short: whether it is as one is that is still written.
    """

    def __init__(self, text: str, *, cut_short: bool = False) -> None:
        super().__init__(text)
        self.cut_short = cut_short
