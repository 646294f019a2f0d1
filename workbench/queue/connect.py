"""Choose a queue by its URL."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from workbench.errors import UsageError
from workbench.files import path_in_url
from workbench.queue.base import MAX_RECEIVES, Queue
from workbench.settings import Settings, get_settings


def connect_queue(url: str | None = None, settings: Settings | None = None) -> Queue:
    """Return the queue of a URL, of ``WORKBENCH_QUEUE_URL`` by default.

    Args:
        url: ``sqlite:///FILE``, with ``?max_receives=N`` if wished, URL-encoded; or the URL of an SQS queue.
        settings: read afresh if None.

    Raises:
        UsageError: the URL is of another kind.
        WorkFailed: SQS refuses, or can't be reached.
    """
    url = url or (settings or get_settings()).queue
    parts = urlsplit(url)
    if parts.scheme == "sqlite" and not parts.netloc and len(parts.path) > 1:
        from workbench.queue.sqlite import SQLiteQueue

        if parts.fragment:
            raise UsageError(
                f"queue URL {url!r}: a # ends an address; write %23 where it is part of the file's path"
            )
        file = path_in_url(parts.path.removeprefix("/"))
        return SQLiteQueue(file, max_receives=_receives(parts.query))
    if parts.scheme in ("http", "https") and parts.netloc and parts.path.count("/") >= 2:
        from workbench.queue.sqs import SQSQueue

        return SQSQueue(url)
    raise UsageError(f"queue URL {url!r}: write sqlite:///FILE or the URL of an SQS queue")


def _receives(query: str) -> int:
    options = parse_qs(query, keep_blank_values=True)
    value = options.pop("max_receives", [str(MAX_RECEIVES)])[0]
    if options or not value.isdecimal() or int(value) < 1:
        raise UsageError(f"queue URL: after the ? comes max_receives=N, N from 1 on, not {query!r}")
    return int(value)
