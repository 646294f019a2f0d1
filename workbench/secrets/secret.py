"""Secrets: a notebook is given the reference, and looks the value up where it runs."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import UsageError, WorkFailed
from workbench.libraries.seldom import seldom

_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:[^\0\n]+|aws:[A-Za-z0-9/_+=.@:-]+(#[^\0\n#]+)?")
FORMS = "env:NAME, file:PATH or aws:SECRET_ID[#KEY]"

on_reveal: Callable[[str], None] | None = None
"""Told of each value that a secret gives away in this process; whoever runs a notebook redacts it."""


@dataclass(frozen=True)
class Secret:
    """The reference of a secret; its printed form never holds the value.

    ``env:NAME`` is a variable of the environment, ``file:PATH`` the content of a file without the line end at its
    end, ``aws:SECRET_ID`` a secret of AWS Secrets Manager by name or ARN, and ``aws:SECRET_ID#KEY`` one entry of
    it where it is a JSON object.

    Raises:
        UsageError: the reference is of none of these forms.
    """

    reference: str

    def __post_init__(self) -> None:
        if not isinstance(self.reference, str) or not _REFERENCE.fullmatch(self.reference):
            # What was given may be the secret itself, so it isn't repeated.
            raise UsageError(f"a secret is given by reference, as {FORMS}")

    def reveal(self) -> str:
        """Return the secret's value; it is looked up anew with every call.

        Raises:
            UsageError: there is no such secret.
            WorkFailed: AWS Secrets Manager can't be asked.
        """
        source, _, name = self.reference.partition(":")
        value = {"env": _from_environment, "file": _from_file, "aws": _from_aws}[source](name)
        if on_reveal:
            on_reveal(value)
        return value


def _from_environment(name: str) -> str:
    try:
        return os.environ[name]
    except KeyError:
        raise UsageError(f"the secret env:{name} isn't set: no {name} in the environment") from None


def _from_file(name: str) -> str:
    try:
        return Path(name).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
    except FileNotFoundError:
        raise UsageError(f"the secret file:{name} isn't set: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise UsageError(f"the secret file:{name} can't be read: {reason}") from None


@seldom
def _from_aws(name: str) -> str:
    identity, _, key = name.partition("#")
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        from workbench.libraries.extras import advice

        raise UsageError(f"the secret aws:{name} needs boto3; {advice('aws')}") from None
    try:
        answer = boto3.client("secretsmanager").get_secret_value(SecretId=identity)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ResourceNotFoundException":
            raise UsageError(
                f"the secret aws:{name} isn't set: AWS Secrets Manager has no {identity}"
            ) from None
        raise WorkFailed(f"the secret aws:{name} can't be had: {code}") from None
    except BotoCoreError as error:
        raise WorkFailed(f"the secret aws:{name} can't be had: {error}") from None
    value: str = answer.get("SecretString") or answer["SecretBinary"].decode("utf-8")
    if not key:
        return value
    try:
        return str(json.loads(value)[key])
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"the secret aws:{name} isn't set: {identity} has no entry {key!r}") from None
