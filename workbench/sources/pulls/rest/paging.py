"""From one page of an answer to the next."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from workbench.sources.pulls.declared import Paging
from workbench.sources.pulls.rest.client import Answer, Client
from workbench.sources.pulls.rest.records import value_at

_LINK = re.compile(r"<([^>]*)>([^<]*)")
_NEXT = re.compile(r""";\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next\b)""", re.IGNORECASE)

State = Mapping[str, Any]
"""Which page: its number, the offset, the cursor, or the address; small, and without a secret."""


class Pager:
    """Knows what to ask for next; a page's state can be kept and gone on with."""

    def __init__(self, paging: Paging) -> None:
        self._paging = paging

    @property
    def is_numbered(self) -> bool:
        """Whether pages are told by numbers: rows that come or go meanwhile move others from one page to another."""
        return self._paging.kind in ("page", "offset")

    def start(self) -> State:
        """Return the state of the first page."""
        paging = self._paging
        if paging.kind == "page":
            return {"page": 1 if paging.first is None else paging.first}
        return {"offset": paging.first or 0} if paging.kind == "offset" else {}

    def is_start(self, state: State) -> bool:
        """Whether a page is the first."""
        return state == self.start()

    def parameters(self, state: State) -> dict[str, Any]:
        """Return what is asked beside the declared parameters."""
        paging = self._paging
        asked: dict[str, Any] = {}
        if paging.kind in state:
            asked[paging.name] = state[paging.kind]
        if paging.size_parameter:
            asked[paging.size_parameter] = paging.size
        return asked

    def after(self, state: State, answer: Answer, records: int, client: Client) -> State | None:
        """Return the state of the next page, None after the last.

        Raises:
            WorkFailed: the next page is another server's, or its address is none.
        """
        paging = self._paging
        if paging.kind == "none" or (self.is_numbered and not records):
            return None
        if paging.kind == "page":
            return {"page": state["page"] + 1}
        if paging.kind == "offset":
            return {"offset": state["offset"] + records}
        if paging.kind == "cursor":
            value = value_at(answer.value, paging.next or "")
            return {"cursor": value} if value not in (None, "", False) else None
        url = value_at(answer.value, paging.next) if paging.next else _linked(answer.headers)
        return {"url": client.own(str(url))} if url else None


def _linked(headers: Mapping[str, str]) -> str | None:
    for found in _LINK.finditer(headers.get("link", "")):
        if _NEXT.search(found[2]):
            return found[1]
    return None
