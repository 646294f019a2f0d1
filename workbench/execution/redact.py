"""Secrets: named by reference, and blotted out by value wherever a run would show them."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from workbench.errors import UsageError

_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*")
BLOT = "[redacted]"


@dataclass(frozen=True)
class Secret:
    """The reference of a secret, such as ``env:API_TOKEN``; its printed form never holds the value.

    Raises:
        UsageError: the reference isn't of the form ``env:NAME``.
    """

    reference: str

    def __post_init__(self) -> None:
        if not isinstance(self.reference, str) or not _REFERENCE.fullmatch(self.reference):
            # What was given may be the secret itself, so it isn't repeated.
            raise UsageError("a secret is given by reference, as env:NAME")

    def reveal(self) -> str:
        """Return the secret's value.

        Raises:
            UsageError: the environment doesn't hold it.
        """
        name = self.reference.removeprefix("env:")
        try:
            return os.environ[name]
        except KeyError:
            raise UsageError(f"the secret {self.reference} isn't set: no {name} in the environment") from None


class Redactor:
    """Replaces given values, and the forms they take in JSON, HTML, URLs and Python literals."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms: set[str] = set()
        for secret in secrets:
            if secret:
                forms |= {
                    secret, html.escape(secret), quote(secret), quote(secret, safe=""), repr(secret)[1:-1],
                    json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1],
                }  # fmt: skip
        self._pattern = (
            re.compile("|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True)))
            if forms
            else None
        )

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

    def _output(self, output: Any) -> Any:
        clean = output.copy()
        for field in output.keys() - {"output_type", "name", "execution_count"}:
            clean[field] = self.tree(output[field])
        return clean
