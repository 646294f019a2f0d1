"""Addresses of channels: URLs in which ``{env:NAME}`` and the like stand for secrets."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from workbench.errors import UsageError
from workbench.secrets.secret import FORMS, Secret

_REFERENCE = re.compile(r"\{([^{}]*)\}")
_BETWEEN = re.compile(r",(?![^{}]*\})")
_PLACE = re.compile("~([0-9]+)~")


def split_channels(text: str) -> list[str]:
    """Return the addresses that a setting names, with commas between them."""
    return list(dict.fromkeys(filter(None, (part.strip() for part in _BETWEEN.split(text)))))


@dataclass(frozen=True)
class Address:
    """A URL taken apart, its secrets not looked up yet.

    Raises:
        UsageError: it isn't of a URL's form, or a password stands in it. The error doesn't repeat it.
    """

    text: str

    def __post_init__(self) -> None:
        try:
            parts = self.parts
            _ = parts.port
        except ValueError:
            # What the library says of it repeats parts, and one may be a password.
            raise UsageError("a channel's address isn't a URL; its host or its port is wrong") from None
        if parts.password and not _PLACE.fullmatch(parts.password):
            raise UsageError(
                f"the channel {parts.scheme}://{parts.hostname} has a password in its address; give it by reference, "
                f"as {{env:NAME}}: a secret is {FORMS}"
            )

    @property
    def references(self) -> list[str]:
        """The references in it, in order."""
        return _REFERENCE.findall(self.text)

    @property
    def parts(self) -> SplitResult:
        """Its parts, with a mark in place of each reference."""
        numbers = iter(range(len(self.text)))
        return urlsplit(_REFERENCE.sub(lambda _: f"~{next(numbers)}~", self.text))

    @property
    def scheme(self) -> str:
        """What comes before the colon."""
        return self.parts.scheme

    def secrets(self) -> list[str]:
        """Look its secrets up.

        Raises:
            UsageError: a reference is of no known form, or there is no such secret.
            WorkFailed: AWS Secrets Manager can't be asked.
        """
        return [Secret(reference).reveal() for reference in self.references]

    def options(self, *known: str) -> dict[str, list[str]]:
        """Return the values after the question mark, by name.

        Raises:
            UsageError: one has another name.
        """
        found = parse_qs(self.parts.query, keep_blank_values=True)
        if others := sorted(set(found) - set(known)):
            raise UsageError(
                f"the channel {self.scheme}://{self.parts.hostname} has {others[0]!r} in its address; known: {', '.join(known)}"
            )
        return found

    @property
    def masked(self) -> str:
        """The address as it may be shown: as it was written where its secrets are references, else cut to its host."""
        if self.references or self.parts.path in ("", "/"):
            return self.text
        digest = hashlib.sha256(self.text.encode()).hexdigest()[:8]
        return f"{self.scheme}://{self.parts.netloc.rpartition('@')[2]}/…{digest}"


def put_in(text: str, secrets: list[str]) -> str:
    """Return an address, or a part of it, with its secrets in place."""
    return _PLACE.sub(lambda found: secrets[int(found[1])], text)


def filled(part: str | None, secrets: list[str]) -> str:
    """Return the user or the password of an address as it is meant: what is escaped there, isn't here."""
    return put_in(unquote(part or ""), secrets)
