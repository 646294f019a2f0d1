"""What ``sources.yaml`` may say of a source."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from workbench.documents import listed, no_flag
from workbench.errors import UsageError
from workbench.secrets.secret import Secret
from workbench.sources.pulls.references import check_references, has_password
from workbench.times.cron import check_cron, check_zone
from workbench.times.durations import read_duration

NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")


def _reference(value: str) -> str:
    try:
        return Secret(value).reference
    except UsageError as error:
        raise ValueError(str(error)) from None


def _text(value: str) -> str:
    try:
        check_references(value)
    except UsageError as error:
        raise ValueError(str(error)) from None
    return value


def _address(value: str) -> str:
    if has_password(_text(value)):
        raise ValueError("a password stands in it; give it by reference, as {env:NAME}")
    return value


def _seconds(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("a duration is written as 90s, 15m, 2h or 1d")
    return read_duration(value).total_seconds()


def _lag(value: Any) -> Any:
    if isinstance(value, str):
        return read_duration(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a lag is a duration, as 2h, or for a cursor of numbers a number")
    return Decimal(str(value))


Reference = Annotated[str, AfterValidator(_reference)]
Text = Annotated[str, AfterValidator(_text)]
Address = Annotated[str, AfterValidator(_address)]
Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0)]
Scalar = str | int | float | bool


class Part(BaseModel):
    """A piece of a declaration: it can't be changed, and a key it doesn't know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    _no_flags = field_validator("*", mode="before")(no_flag)


class Basic(Part):
    """A user with a password."""

    user: Text
    password: Reference


class Auth(Part):
    """How an API knows us: one of ``bearer``, ``basic`` and ``api_key``; the last goes into a header or a parameter."""

    bearer: Reference | None = None
    basic: Basic | None = None
    api_key: Reference | None = None
    header: str | None = None
    parameter: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Auth:
        if sum(each is not None for each in (self.bearer, self.basic, self.api_key)) != 1:
            raise ValueError("it is one of bearer, basic and api_key")
        if (self.api_key is not None) != ((self.header is None) != (self.parameter is None)):
            raise ValueError("an api_key, and nothing else, is sent in a header or a parameter: name one")
        return self


class Paging(Part):
    """How an answer is parted: by the number of a page, by an offset, by a cursor, by links, or not at all."""

    kind: Literal["page", "offset", "cursor", "link", "none"]
    parameter: str = ""
    first: int | None = None
    size_parameter: str | None = None
    size: int = Field(default=100, ge=1)
    next: str | None = None
    end_status: int | None = None

    @model_validator(mode="after")
    def _fitting(self) -> Paging:
        if self.kind == "cursor" and not self.next:
            raise ValueError("paging by a cursor needs next: where in the answer the next one is")
        if self.end_status == 200:
            raise ValueError(
                "end_status is that of an answer behind the last page, as 404; 200 is every page's"
            )
        return self

    @property
    def name(self) -> str:
        """The parameter that says which page."""
        return self.parameter or self.kind


class Retry(Part):
    """How patiently an API is asked: tries of a request, and how long it waits between them."""

    tries: int = Field(default=6, ge=1, le=50)
    first: Seconds = 1.0
    longest: Seconds = 60.0
    patience: Seconds = 900.0


class Count(Part):
    """Where an answer says how many rows there are: a place in it, or a header."""

    path: str | None = None
    header: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Count:
        if (self.path is None) == (self.header is None):
            raise ValueError("it is a path or a header")
        return self


class Cursor(Part):
    """The column by which new and changed rows are told, and how far back they are read again."""

    column: str
    lag: Annotated[timedelta | Decimal | None, BeforeValidator(_lag)] = None
    start: Scalar | None = None
    parameter: str | None = None
    format: str | None = None


class Rest(Part):
    """A REST API that answers in JSON."""

    url: Address
    parameters: dict[str, Text | int | float | bool] = {}
    headers: dict[str, Text] = {}
    auth: Auth | None = None
    records: str = ""
    paging: Paging = Paging(kind="none")
    count: Annotated[Count | None, BeforeValidator(lambda v: {"path": v} if isinstance(v, str) else v)] = None
    timeout: Seconds = 60.0
    retry: Retry = Retry()


class Database(Part):
    """A table or a query of a database: an SQLAlchemy URL, by reference or with references in it.

    ``count`` says whether it is asked afterwards how many rows it has, which for a query is to run it once more.
    """

    url: Address
    table: str | None = None
    query: str | None = None
    rows_at_once: int = Field(default=10_000, ge=1)
    count: bool = True

    @model_validator(mode="after")
    def _one(self) -> Database:
        if (self.table is None) == (self.query is None):
            raise ValueError("it reads a table or a query: name one of them")
        return self


class Schedule(Part):
    """When a source is due: five fields of cron in a time zone."""

    cron: str
    timezone: str = "UTC"

    @model_validator(mode="after")
    def _valid(self) -> Schedule:
        try:
            check_zone(self.timezone, "it")
            check_cron(self.cron, "it")
        except UsageError as error:
            raise ValueError(str(error).removeprefix("it: ")) from None
        return self


class Source(Part):
    """A declared source: an API, a database, or files.

    Attributes:
        secret: password or token of files that lie elsewhere.
        dataset: what its rows are; told by the map if there is one.
        map: the map of its rows, a path from the folder of ``sources.yaml``.
        key: columns that tell a row; the whole row without them.
        cursor: by which new rows are told; without it everything is read each time.
        schedule: when it is due; without it, with each run of the pipeline that pulls.
        rows_a_file: rows from which on a file is closed and another begun.
    """

    rest: Rest | None = None
    database: Database | None = None
    files: Address | None = None
    secret: Reference | None = None
    dataset: str | None = None
    map: Path | None = None
    key: Annotated[tuple[str, ...], BeforeValidator(listed)] = ()
    cursor: Cursor | None = None
    schedule: Schedule | None = None
    description: str = ""
    rows_a_file: int = Field(default=100_000, ge=1)

    @model_validator(mode="after")
    def _one(self) -> Source:
        if sum(each is not None for each in (self.rest, self.database, self.files)) != 1:
            raise ValueError("it is one of rest, database and files")
        if self.files is not None and (self.key or self.cursor):
            raise ValueError("files have no key and no cursor: the same content lands once")
        if self.secret is not None and self.files is None:
            raise ValueError("a secret is one of files; an API has auth, and a database has it in its url")
        if self.files is None and not (self.dataset or self.map):
            raise ValueError("its rows need a dataset, or a map that names one")
        if self.database and self.cursor and (self.cursor.parameter or self.cursor.format):
            raise ValueError("a cursor's parameter and format are an API's; a database needs neither")
        return self

    @property
    def kind(self) -> Literal["rest", "database", "files"]:
        """What it is."""
        return "rest" if self.rest else "database" if self.database else "files"
