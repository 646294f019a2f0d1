"""Clients of AWS, and its errors in one line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from workbench.errors import UsageError, WorkFailed
from workbench.libraries.extras import advice
from workbench.libraries.seldom import seldom


@seldom
def client(service: str, *, endpoint: str | None = None, region: str | None = None) -> Any:
    """Return a boto3 client that retries what is worth it.

    Args:
        service: its name in boto3, ``sqs`` for example.
        endpoint: where it is, if not at AWS; ``AWS_ENDPOINT_URL`` says so for all clients.
        region: region of AWS; from the environment or AWS's configuration if None.

    Raises:
        UsageError: boto3 is missing, or there is no region.
    """
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError:
        raise UsageError(f"AWS needs the package boto3; {advice('aws')}") from None
    # A long poll takes up to 20 seconds; a read must outlast it.
    config = Config(retries={"mode": "standard", "max_attempts": 5}, connect_timeout=5, read_timeout=60)
    try:
        return boto3.session.Session().client(
            service, endpoint_url=endpoint, region_name=region, config=config
        )
    except (BotoCoreError, ValueError) as error:
        raise UsageError(f"AWS: {error}") from None


@seldom
@contextlib.contextmanager
def aws_errors(doing: str) -> Iterator[None]:
    """Turn boto3's errors into ours, which say what was being done.

    Raises:
        WorkFailed: AWS refused, can't be reached, or there are no credentials.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        error_fields = error.response.get("Error", {})
        raise WorkFailed(
            f"{doing}: {error_fields.get('Code', 'error')}: {error_fields.get('Message', error)}"
        ) from error
    except BotoCoreError as error:
        raise WorkFailed(f"{doing}: {' '.join(str(error).split())}") from error


def error_code(error: Exception) -> str:
    """Return AWS's code of an error that came from :func:`aws_errors` or straight from boto3, or ``""``."""
    cause = error if hasattr(error, "response") else error.__cause__
    return str(getattr(cause, "response", {}).get("Error", {}).get("Code", ""))
