"""What a message may say: files landed, or a run is asked for.

The shapes of S3's events are AWS's own: https://docs.aws.amazon.com/AmazonS3/latest/userguide/
notification-content-structure.html (straight from S3, keys URL-encoded) and ev-events.html (through
EventBridge, keys as they are).
"""

from __future__ import annotations

import json
import os
import re
from pathlib import PurePath
from typing import Annotated, Any, Literal
from urllib.parse import quote, unquote, unquote_plus, unquote_to_bytes, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from workbench.digits import number
from workbench.errors import UsageError, plainly

_RIGHT = (
    'a message is an S3 event, {"files": [URI, ...]} or {"pipeline": NAME, "parameters": {...}, "id": ...}'
)
_DEPTH = 4
_BYTES = re.compile("[\udc80-\udcff]")
_HALVES = re.compile("[\ud800-\udfff]")


class NotUnderstood(UsageError):
    """The message is of no shape that we know; its text says what would be right."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _uri(value: str) -> str:
    # Python's programs have bytes of a file's name that are no UTF-8 as these.
    value = _BYTES.sub(lambda found: f"%{ord(found[0]) & 0xFF:02X}", value)
    if _HALVES.search(value):
        raise ValueError("a file's name has half of a character, \\uD800 to \\uDFFF, which no name can have")
    parts = urlsplit(value)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path.strip("/"):
        return value
    if parts.scheme == "s3" and parts.netloc and parts.path.strip("/"):
        return value
    raise ValueError("a file is named file:///PATH or s3://BUCKET/KEY")


class Files(_Request):
    """Files that landed, by ``file://`` or ``s3://`` URI; keys and paths are URL-encoded."""

    files: tuple[Annotated[str, AfterValidator(_uri)], ...] = Field(min_length=1, strict=False)

    def body(self) -> str:
        """Return the message that says so."""
        return self.model_dump_json()


class RunRequest(_Request):
    """A run that is asked for; the same ``id`` asks for the same run."""

    pipeline: str = Field(min_length=1)
    parameters: dict[str, Any] = {}
    id: str | None = Field(default=None, min_length=1, max_length=128)

    @property
    def name(self) -> str:
        """Name of a pipeline of the project; a message may not name a folder.

        Raises:
            UsageError: it isn't a plain name.
        """
        if PurePath(self.pipeline).name != self.pipeline or self.pipeline in (".", ".."):
            raise UsageError(f"a request names a pipeline, not the folder {self.pipeline!r}")
        return self.pipeline


class Nothing(_Request):
    """A message that asks for nothing, and why."""

    reason: str


Content = Files | RunRequest | Nothing


class _Bucket(_Part):
    name: str = Field(min_length=1)


class _Object(_Part):
    key: str = Field(min_length=1)


class _S3(_Part):
    bucket: _Bucket
    object: _Object


class _Record(_Part):
    eventSource: Literal["aws:s3"]
    eventName: str
    s3: _S3


class _Records(_Part):
    Records: tuple[_Record, ...] = Field(min_length=1)


class _Detail(_Part):
    bucket: _Bucket
    object: _Object


class _EventBridge(_Part):
    source: Literal["aws.s3"]
    kind: str = Field(alias="detail-type")
    detail: _Detail


def file_uri(path: str) -> str:
    """Return the URI of an absolute path."""
    return "file://" + quote(os.fsencode(path))


def path_of(uri: str) -> str:
    """Return the path of a ``file://`` URI."""
    return os.fsdecode(unquote_to_bytes(urlsplit(uri).path))


def s3_uri(bucket: str, key: str) -> str:
    """Return the URI of an object; its key is as it is, not encoded."""
    return f"s3://{bucket}/{quote(key)}"


def object_of(uri: str) -> tuple[str, str]:
    """Return bucket and key of an ``s3://`` URI."""
    parts = urlsplit(uri)
    return parts.netloc, unquote(parts.path[1:])


def understand(body: str) -> Content:
    """Return what a message says.

    S3's events may come straight, through EventBridge, wrapped by SNS, or sent on by a function.

    Raises:
        NotUnderstood: it is of no shape that we know.
    """
    return _understand(body, _DEPTH)


def _understand(body: str, depth: int) -> Content:
    try:
        value = json.loads(body, parse_float=lambda each: number(float(each), each))
    except (ValueError, RecursionError):
        raise NotUnderstood(f"not JSON; {_RIGHT}") from None
    if not isinstance(value, dict):
        raise NotUnderstood(f"not a JSON object; {_RIGHT}")
    try:
        return _content(value, depth)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise NotUnderstood(f"{where}: {plainly(first)}; {_RIGHT}") from None


def _content(value: dict[str, Any], depth: int) -> Content:
    if value.get("Event") == "s3:TestEvent":
        return Nothing(reason="S3's test event")
    if value.get("Type") == "Notification" and isinstance(value.get("Message"), str) and depth:
        return _understand(value["Message"], depth - 1)
    if "Records" in value:
        return _files(
            [
                s3_uri(record.s3.bucket.name, unquote_plus(record.s3.object.key))
                for record in _Records.model_validate(value).Records
                if record.eventName.startswith("ObjectCreated:")
            ]
        )
    if value.get("source") == "aws.s3":
        event = _EventBridge.model_validate(value)
        created = event.kind == "Object Created"
        return _files([s3_uri(event.detail.bucket.name, event.detail.object.key)] if created else [])
    if "files" in value:
        return Files.model_validate(value)
    if "pipeline" in value:
        return RunRequest.model_validate(value)
    raise NotUnderstood(_RIGHT)


def _files(uris: list[str]) -> Content:
    # A folder made in S3's console is an empty object whose key ends so.
    found = tuple(dict.fromkeys(uri for uri in uris if not uri.endswith("/")))
    return Files(files=found) if found else Nothing(reason="an S3 event that creates no file")
