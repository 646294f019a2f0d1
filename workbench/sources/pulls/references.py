"""Texts of a declaration in which ``{env:NAME}`` and the like stand for secrets, and what was revealed of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, unquote

from workbench.errors import UsageError
from workbench.secrets.redact import Redactor
from workbench.secrets.secret import FORMS, Secret
from workbench.sources.pulls.blotting import Blotter

_REFERENCE = re.compile(r"\{((?:env|file|aws):[^{}]*)\}")
_WHOLE = re.compile(r"(?:env|file|aws):(?!//)[^{}]+")
_PASSWORD = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*?:(?P<password>[^/?#]*)@")


class Revealed:
    """The secrets of one source, looked up where they are needed and blotted out wherever they would show."""

    def __init__(self, *known: str) -> None:
        self._redactor, self._blotter = Redactor(known), Blotter()
        self._blotter.add(*known)

    def secret(self, reference: str) -> str:
        """Return the value of a secret.

        Raises:
            UsageError: there is no such secret, or nothing in it.
            WorkFailed: AWS Secrets Manager can't be asked.
        """
        value = Secret(reference).reveal()
        if not value:
            raise UsageError(f"the secret {reference} is empty")
        self._note(value)
        return value

    def text(self, text: str, escape: Callable[[str], str] = str) -> str:
        """Return a text with its secrets in place, each escaped by a function."""
        return _REFERENCE.sub(lambda found: escape(self.secret(found[1])), text)

    def address(self, text: str) -> str:
        """Return an address that is given by reference, or has references in it."""
        if is_reference(text):
            value = self.secret(text).strip()
            for found in _PASSWORD.finditer(value):
                self._note(found["password"], unquote(found["password"]))
            return value
        return self.text(text, lambda value: quote(value, safe=""))

    def clean(self, text: str) -> str:
        """Return a text without the secrets that were revealed."""
        return self._redactor.text(text)

    def may_be_in(self, text: str) -> bool:
        """Whether a secret that was revealed may be in a text of JSON; quick, where none is."""
        return self._blotter.may_be_in(text)

    def blotted(self, text: str) -> str:
        """Return a text of JSON, still JSON, without the secrets that were revealed, but for short ones."""
        return self._blotter.clean(text)

    def _note(self, *secrets: str) -> None:
        self._redactor.add(*secrets)
        self._blotter.add(*secrets)

    def is_clean(self, text: str) -> bool:
        """Whether none of the secrets shows in a text."""
        return self.clean(text) == text


def is_reference(text: str) -> bool:
    """Whether a text is a reference and nothing else."""
    return bool(_WHOLE.fullmatch(text))


def check_references(text: str) -> None:
    """Check the references of secrets that stand in braces in a text.

    Raises:
        UsageError: one is of no known form.
    """
    for found in _REFERENCE.findall(text):
        try:
            Secret(found)
        except UsageError:
            raise UsageError(f"what stands in braces is a secret's reference: {FORMS}") from None


def has_password(address: str) -> bool:
    """Whether a password itself stands in an address."""
    found = _PASSWORD.search(address)
    return found is not None and bool(_REFERENCE.sub("", found["password"]))
