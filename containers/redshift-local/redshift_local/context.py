"""What the work on a statement needs to know of the session and the server that it is done in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from redshift_local.protocol.backend import Backend


@dataclass(frozen=True)
class ServerContext:
    """PostgreSQL's socket, the file of load errors, and the arguments of ``boto3.client`` that lead to S3."""

    socket: Path
    load_errors: Path
    s3: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SessionContext:
    """A client's connection to PostgreSQL and the database that it is in."""

    backend: Backend
    database: str
    server: ServerContext
