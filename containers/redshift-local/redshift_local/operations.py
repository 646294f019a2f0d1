"""What a statement asks for that PostgreSQL can't do: read by rewrite/, done by front/executor.py. Plain values alone.

Names of tables are ready for a statement; those of columns are as they are stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from redshift_local.errors import SqlError

Format = Literal["delimited", "csv", "json", "parquet"]
FILE_SIZE_UNITS = {"MB": 1 << 20, "GB": 1 << 30}
MAX_FILE_SIZE = int(6.2 * FILE_SIZE_UNITS["GB"])
MIN_FILE_SIZE = 5 * FILE_SIZE_UNITS["MB"]


@dataclass(frozen=True)
class Access:
    """Who asks S3, as a statement says it."""

    key: str = ""
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    region: str = ""


@dataclass(frozen=True)
class Location:
    """A bucket and the beginning of a key."""

    bucket: str
    key: str

    @classmethod
    def of(cls, uri: str) -> Location:
        """Return what an s3:// address names. Raises SqlError for another address."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if not uri.startswith("s3://") or not bucket:
            raise SqlError("42601", f"'{uri}' isn't a place in S3: it would be like s3://bucket/prefix")
        return cls(bucket, key)

    @property
    def uri(self) -> str:
        """The address, s3://bucket/key."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class _Operation:
    """One that ``commits`` ends its transaction; one that is ``refused_in_transaction``, by that name, needs its own."""

    commits: ClassVar[bool] = False
    refused_in_transaction: ClassVar[str] = ""


@dataclass(frozen=True)
class Copy(_Operation):
    """A COPY from S3; ``columns`` are empty when none were named. The file of ``json_paths_at`` holds ``json_paths``."""

    table: str
    columns: tuple[str, ...]
    source: Location
    format: Format = "delimited"
    delimiter: str = ""
    quote: str = '"'
    escape: bool = False
    remove_quotes: bool = False
    header: int = 0
    compression: str = ""
    manifest: bool = False
    null: str = "\\N"
    blanks_as_null: bool = False
    empty_as_null: bool = False
    trim_blanks: bool = False
    truncate: bool = False
    ignore_blank_lines: bool = False
    replacement: str = ""
    date_format: str = "auto"
    time_format: str = "auto"
    max_errors: int = 0
    explicit_ids: bool = False
    json_ignore_case: bool = False
    json_paths_at: Location | None = None
    json_paths: tuple[tuple[str | int, ...], ...] = ()
    fill_record: bool = False
    access: Access = field(default_factory=Access)


@dataclass(frozen=True)
class Unload(_Operation):
    """An UNLOAD to S3; ``query`` is in PostgreSQL's words, ``size`` the most bytes that a file has."""

    query: str
    target: Location
    format: Format = "delimited"
    delimiter: str = ""
    header: bool = False
    add_quotes: bool = False
    escape: bool = False
    null: str = ""
    compression: str = ""
    partition: tuple[str, ...] = ()
    include_partition: bool = False
    overwrite: bool = False
    clean: bool = False
    manifest: bool = False
    parallel: bool = True
    size: int = MAX_FILE_SIZE
    extension: str = ""
    access: Access = field(default_factory=Access)


@dataclass(frozen=True)
class Truncate(_Operation):
    """A TRUNCATE, which commits what its transaction has done so far, itself included."""

    commits: ClassVar[bool] = True
    table: str


@dataclass(frozen=True)
class Append(_Operation):
    """ALTER TABLE … APPEND FROM; ``mode`` is empty, ``ignoreextra`` or ``filltarget``."""

    refused_in_transaction: ClassVar[str] = "ALTER TABLE APPEND"
    table: str
    source: str
    mode: str


@dataclass(frozen=True)
class ResizeColumn(_Operation):
    """ALTER TABLE … ALTER COLUMN … TYPE varchar(``length``), in bytes."""

    refused_in_transaction: ClassVar[str] = "ALTER TABLE ALTER COLUMN"
    table: str
    column: str
    length: int


Operation = Copy | Unload | Truncate | Append | ResizeColumn
