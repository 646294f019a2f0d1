"""Secrets blotted out of records, which stay JSON: a source may well repeat what it was asked with, as in links of its own."""

from __future__ import annotations

import json
import re

from workbench.secrets.forms import forms_of
from workbench.secrets.redact import BLOT, Redactor

_SHORTEST = 8
"""Characters of a secret from which on it isn't met in a record by chance: a shorter one would blot out what people need."""
_RUN = re.compile("[A-Za-z0-9]+")
_TELLING = 4
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*')


class Blotter:
    """Finds secrets in the text of records, and blots them out of its texts; a number goes if it is a secret itself."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._signs: set[str] = set()
        self._redactor = Redactor()

    def add(self, *secrets: str) -> None:
        """Blot out these too from now on, those that are long enough."""
        for secret in filter(lambda each: len(each) >= _SHORTEST, secrets):
            self._secrets.add(secret)
            self._redactor.add(secret)
            # Letters and digits are the same in nearly all forms, and to look for a few of them costs next to nothing.
            run = max(_RUN.findall(secret), key=len, default="")
            self._signs.add(run if len(run) >= _TELLING else "")
            self._signs.update(form.text for form in forms_of(secret)[1:])

    def may_be_in(self, text: str) -> bool:
        """Whether it is worth while to look closer."""
        return any(sign in text for sign in self._signs)

    def clean(self, text: str) -> str:
        """Return a text of JSON without the secrets; the same text if none is in it."""
        return _TOKENS.sub(lambda found: self._token(found[0]), text)

    def _token(self, token: str) -> str:
        if not token.startswith('"'):
            return json.dumps(BLOT) if token in self._secrets else token
        if not self.may_be_in(token):
            return token
        told = json.loads(token)
        clean = self._redactor.text(told)
        return token if clean == told else json.dumps(clean)
