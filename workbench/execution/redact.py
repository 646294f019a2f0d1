"""Secrets blotted out by value wherever a run would show them."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

BLOT = "[redacted]"
SHORTEST = 4


class Redactor:
    """Replaces given values, and the forms they take in JSON, HTML, URLs, Python literals and base64.

    A secret of several lines is found line by line too. One of fewer than four characters is replaced where it
    stands as a word of its own, in none of its other forms: anything else would blot out half of the text.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._words: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.longest = 0
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Replace these values too from now on."""
        for secret in secrets:
            lines = [line.strip() for line in secret.splitlines()]
            for part in {secret, secret.strip(), *(lines if len(lines) > 1 else ())}:
                if len(part) >= SHORTEST:
                    self._forms |= _forms(part)
                elif part and part == secret.strip():
                    self._words.add(part)
        ordered = sorted(self._forms, key=len, reverse=True)
        parts = [re.escape(form) for form in ordered]
        parts += [rf"(?<!\w){re.escape(word)}(?!\w)" for word in sorted(self._words)]
        self._pattern = re.compile("|".join(parts)) if parts else None
        self.longest = max(map(len, (*self._forms, *self._words)), default=0)

    def stream(self) -> StreamRedactor:
        """Return one that takes a text in pieces."""
        return StreamRedactor(self)

    def text(self, value: str) -> str:
        """Return the text without the secrets."""
        return self._pattern.sub(BLOT, value) if self._pattern else value

    def tree(self, value: Any) -> Any:
        """Return a copy of a JSON-like value, with every text in it, and every key, without the secrets."""
        if not self._pattern:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return type(value)({self.text(str(key)): self.tree(item) for key, item in value.items()})
        if isinstance(value, (list, tuple)):
            return [self.tree(item) for item in value]
        return value

    def notebook(self, notebook: Any) -> Any:
        """Return a copy of a notebook node without the secrets in its sources, outputs and metadata."""
        if not self._pattern:
            return notebook
        clean = notebook.copy()
        clean["metadata"] = self.tree(notebook["metadata"])
        clean["cells"] = []
        for cell in notebook["cells"]:
            cell = cell.copy()
            for field in {"source", "metadata", "attachments"} & cell.keys():
                cell[field] = self.tree(cell[field])
            if "outputs" in cell:
                cell["outputs"] = [self._output(output) for output in cell["outputs"]]
            clean["cells"].append(cell)
        return clean

    def matches(self, text: str, start: int = 0) -> Iterator[tuple[int, int]]:
        """Yield where the secrets begin and end in a text, from a place on."""
        if self._pattern:
            yield from (found.span() for found in self._pattern.finditer(text, start))

    def _output(self, output: Any) -> Any:
        clean = output.copy()
        for field in output.keys() - {"output_type", "name", "execution_count"}:
            clean[field] = self.tree(output[field])
        return clean


class StreamRedactor:
    """Takes a text in pieces and gives it back without the secrets, also those that lie across two pieces.

    What may be the beginning of a secret is held back until it is known; together, all that comes out is the
    redacted whole.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._before = ""
        self._held = ""

    def feed(self, text: str) -> str:
        """Take the next piece; return what may be shown."""
        return self._take(text, self._redactor.longest + 1 if self._redactor.longest else 0)

    def finish(self) -> str:
        """Return what was held back."""
        return self._take("", 0)

    def _take(self, piece: str, margin: int) -> str:
        # What stands before tells whether a short secret is a word of its own.
        text = self._before + self._held + piece
        start = len(self._before)
        end = max(start, len(text) - margin)
        shown = []
        for first, last in self._redactor.matches(text, start):
            if first >= end:
                break
            shown += [text[start:first], BLOT]
            start, end = last, max(end, last)
        shown.append(text[start:end])
        self._before, self._held = text[end - 1 : end] if end else "", text[end:]
        return "".join(shown)


def _forms(secret: str) -> set[str]:
    """Return the texts in which a secret may show."""
    return {
        secret, html.escape(secret), quote(secret), quote(secret, safe=""), quote_plus(secret),
        repr(secret)[1:-1], json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1],
        secret.encode("utf-8", "surrogatepass").hex(), *_base64(secret.encode("utf-8", "surrogatepass")),
    }  # fmt: skip


def _base64(secret: bytes) -> set[str]:
    """Return how a secret shows in base64, wherever in the encoded text it begins.

    The characters at its ends hold bits of its neighbours too, so they are left out.
    """
    forms = set()
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            text = encode(b"\0" * before + secret).decode().rstrip("=")
            core = text[(0, 2, 3)[before] :]
            if (before + len(secret)) % 3:
                core = core[:-1]
            if len(core) >= 2 * SHORTEST:
                forms.add(core)
        if len(secret) < 2 * SHORTEST:
            forms.add(encode(secret).decode().rstrip("="))
    return forms
