"""Secrets blotted out by value wherever a run would show them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from workbench.secrets.forms import SHORTEST, Form, after_gaps, forms_of

BLOT = "[redacted]"
# A character is at most so many in most forms; so much is held back of a text that comes in pieces.
_WIDEST = 6


class Redactor:
    """Replaces given values, and the forms they take in JSON, HTML, URLs, Python literals, hex and base64.

    One that is wrapped over lines or cut off goes too, as far as it shows. A secret of several lines is found line by line too. One of fewer than four characters is replaced where it
    stands as a word of its own, in none of its other forms: anything else would blot out half of the text.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._forms: list[Form] = []
        self._words: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._tails: re.Pattern[str] | None = None
        self._whole: list[Form] = []
        self.longest = 0
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Replace these values too from now on."""
        for secret in secrets:
            lines = [line.strip() for line in secret.splitlines()]
            for part in {secret, secret.strip(), *(lines if len(lines) > 1 else ())}:
                if len(part) < SHORTEST:
                    if part and part == secret.strip():
                        self._words.add(part)
                elif part not in self._secrets:
                    self._secrets.add(part)
                    found = forms_of(part)
                    self._forms += found
                    self._whole.append(found[0])
        self._forms.sort(key=lambda form: len(form.text), reverse=True)
        parts = [rf"(?<!\w)(?P<word>{'|'.join(map(re.escape, sorted(self._words)))})(?!\w)"] * bool(
            self._words
        )
        parts += dict.fromkeys(form.head for form in self._forms)
        self._pattern = re.compile("|".join(parts)) if parts else None
        self._tails = re.compile("|".join(form.tail for form in self._whole)) if self._whole else None
        longest = max((_WIDEST * len(secret) for secret in self._secrets), default=0)
        self.longest = max(longest, *map(len, self._words), 0) if self._words else longest

    def stream(self) -> StreamRedactor:
        """Return one that takes a text in pieces."""
        return StreamRedactor(self)

    def text(self, value: str) -> str:
        """Return the text without the secrets."""
        if not self._pattern:
            return value
        shown, end = [], 0
        for first, last in self.matches(value):
            shown += [value[end:first], BLOT]
            end = last
        return "".join([*shown, value[end:]]) if shown else value

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
        gaps = after_gaps(text, start, self._tails, self.longest) if self._tails else []
        gap = iter([*gaps, len(text) + 1])
        behind = next(gap)
        while self._pattern and start <= len(text):
            found = self._pattern.search(text, start)
            first = found.start() if found else len(text) + 1
            while behind <= first and behind <= len(text):
                if behind >= start and (last := self._end(text, behind, gap=True)):
                    yield behind, last
                    start = last
                    break
                behind = next(gap)
            else:
                if found is None:
                    return
                last = found.end() if "word" in found.re.groupindex and found["word"] else None
                last = self._end(text, first) or last
                if last:
                    yield first, last
                start = last or first + 1
                continue
            behind = next(gap)

    def _end(self, text: str, start: int, *, gap: bool = False) -> int | None:
        """Return where the longest form ends that begins here."""
        if gap:
            ends = (form.end_after_gap(text, start) for form in self._whole)
        else:
            ends = (form.end(text, start) for form in self._forms)
        return max((end for end in ends if end), default=None)

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
