"""Ask an API with patience: what passes is tried again, what doesn't is said in words without a secret."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from workbench.errors import UsageError, WorkFailed, first_line
from workbench.sources.pulls.declared import Rest
from workbench.sources.pulls.references import Revealed
from workbench.sources.pulls.rest.answers import asked_to_wait, excerpt, origin, reason, whole_number

_PASSING = {408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529}
_MOVED = {301, 302, 303, 307, 308}
_REDIRECTS = 5
_NO_CONTENT = 204
_LARGEST = 256 << 20
"""Bytes of an answer; it is held in memory."""


@dataclass(frozen=True)
class Answer:
    """A page of an answer: its text, which is empty where there is no content, what it says, and its headers, by names in small letters."""

    text: str
    value: Any
    headers: Mapping[str, str]
    url: str


class _Passing(Exception):
    """What may be gone at the next try; ``wait`` is how long the server asks us to wait, in seconds."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class Refused(WorkFailed):
    """The API answered that it won't; ``status`` is the status of its answer."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """One API, with its secrets.

    Raises:
        UsageError: the address isn't one, or a secret is missing.
    """

    def __init__(self, rest: Rest, revealed: Revealed) -> None:
        try:
            import requests
        except ImportError:
            from workbench.libraries.extras import advice

            raise UsageError(f"an API needs requests; {advice('sources')}") from None
        self._requests, self._rest, self._revealed = requests, rest, revealed
        self.url = revealed.address(rest.url)
        try:
            self._origin = origin(self.url)
        except ValueError:
            self._origin = ("", "")
        if self._origin[0] not in ("http", "https") or not urlsplit(self.url).hostname:
            raise UsageError(
                revealed.clean(f"url: {self.url!r} is no address of an API; it begins with https://")
            )
        self._session = requests.Session()
        # Neither a netrc file nor anything else than what is declared decides who we are; proxies are still heeded.
        self._session.auth = lambda request: request
        # Where it is sent it goes by itself, after a look; requests' own look fails where there is no address.
        self._session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
        self._session.headers.update({"Accept": "application/json"})
        for name, value in rest.headers.items():
            self._session.headers[name] = _bytes(revealed.text(value))  # type: ignore[assignment]
        self._secret_parameters: dict[str, str] = {}
        self._sign_in()

    def _sign_in(self) -> None:
        auth = self._rest.auth
        if auth is None:
            return
        if auth.bearer:
            self._session.headers["Authorization"] = _bytes(f"Bearer {self._revealed.secret(auth.bearer)}")  # type: ignore[assignment]
        elif auth.basic:
            from requests.auth import HTTPBasicAuth

            password = self._revealed.secret(auth.basic.password)
            user = self._revealed.text(auth.basic.user)
            self._session.auth = HTTPBasicAuth(user.encode(), password.encode())
        elif auth.api_key:
            key = self._revealed.secret(auth.api_key)
            if auth.header:
                self._session.headers[auth.header] = _bytes(key)  # type: ignore[assignment]
            else:
                self._secret_parameters[str(auth.parameter)] = key

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def own(self, url: str) -> str:
        """Return an address that an answer names, made whole, and without the secret that goes with each request.

        Raises:
            WorkFailed: it is another server's, which must not get what is meant for this one; or no address.
        """
        whole = self._named(self.url, url)
        if not self._may_go(whole):
            raise WorkFailed(
                self._revealed.clean(
                    f"the answer leads to another server, {origin(whole)[1]}, and the secret is for {self._origin[1]} "
                    "alone; declare that address if it is right"
                )
            )
        parts = urlsplit(whole)
        query = [each for each in parse_qsl(parts.query, True) if each[0] not in self._secret_parameters]
        return urlunsplit(parts._replace(query=urlencode(query), fragment=""))

    def get(
        self, parameters: Mapping[str, Any], url: str | None = None, end_status: int | None = None
    ) -> Answer:
        """Ask for a page.

        Args:
            parameters: what is asked beside what is declared.
            url: another address than the declared one, with all of its parameters.
            end_status: the status that says that there is no such page, whatever it says elsewhere.

        Raises:
            Refused: the API answered that it won't, or with ``end_status``.
            WorkFailed: it can't be reached, or doesn't answer in JSON, for as long as the declared patience lasts.
        """
        retry, began = self._rest.retry, time.monotonic()
        for number in range(1, retry.tries + 1):
            try:
                return self._ask(url or self.url, parameters, end_status)
            except _Passing as problem:
                left = retry.patience - (time.monotonic() - began)
                wait = problem.wait
                if wait is None:
                    longest = min(retry.longest, retry.first * 2 ** (number - 1))
                    # Not all who were refused at once come again at once.
                    wait = random.uniform(longest / 2, longest)  # noqa: S311
                if number == retry.tries or wait > left:
                    asked = (
                        f", and asks for {wait:.0f} s more"
                        if problem.wait is not None and wait > left
                        else ""
                    )
                    tries = "try" if number == 1 else "tries"
                    raise WorkFailed(f"{problem}{asked} ({number} {tries})") from None
                time.sleep(wait)
        raise AssertionError("the last try raises")

    def _ask(self, url: str, parameters: Mapping[str, Any], end_status: int | None) -> Answer:
        given: Mapping[str, Any] = {**parameters, **self._secret_parameters}
        for _ in range(_REDIRECTS + 1):
            status, headers, body = self._fetch(url, given)
            if status == end_status:
                raise Refused(self._told(status, body), status)
            if status not in _MOVED or "location" not in headers:
                break
            target = self._named(url, headers["location"])
            if not self._may_go(target):
                raise WorkFailed(
                    self._revealed.clean(
                        f"{self._origin[1]} sends us to another server, {origin(target)[1]}, and the secret is not for "
                        "that one; declare that address if it is right"
                    )
                )
            # What is asked for is in the address, as the server wants it.
            named = {name for name, _ in parse_qsl(urlsplit(target).query, True)}
            url = target
            given = {name: key for name, key in self._secret_parameters.items() if name not in named}
        else:
            raise WorkFailed(f"{self._origin[1]} sends us in a circle of redirections")
        if status in _PASSING:
            raise _Passing(self._told(status, body), asked_to_wait(headers))
        if not 200 <= status < 300:
            raise Refused(self._told(status, body), status)
        if status == _NO_CONTENT:
            return Answer("", None, headers, url)
        try:
            text = body.decode("utf-8-sig")
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            kind = "HTML" if body.lstrip()[:1] == b"<" else "no JSON"
            raise _Passing(
                self._revealed.clean(
                    f"{self._origin[1]} answered {kind}: {first_line(str(error), 120)}: {excerpt(body)}"
                )
            ) from None
        return Answer(text, value, headers, url)

    def _fetch(self, url: str, parameters: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:
        timeout = self._rest.timeout
        deadline = time.monotonic() + 10 * timeout
        try:
            with self._session.get(
                url, params=parameters, timeout=timeout, allow_redirects=False, stream=True
            ) as answer:
                body = bytearray()
                for piece in answer.iter_content(1 << 16):
                    body += piece
                    if len(body) > _LARGEST:
                        raise WorkFailed(
                            f"{self._origin[1]} answered more than {_LARGEST >> 20} MB; ask for smaller pages"
                        )
                    if time.monotonic() > deadline:
                        raise _Passing(f"{self._origin[1]} took more than {10 * timeout:g} s for an answer")
                headers = {name.lower(): value for name, value in answer.headers.items()}
                # A connection that was cut may look like an end.
                length = headers.get("content-length", "")
                said = whole_number(length)
                if "content-encoding" not in headers and said is not None and said != len(body):
                    raise _Passing(f"{self._origin[1]} cut its answer after {len(body):,} of {said:,} bytes")
                return answer.status_code, headers, bytes(body)
        except self._requests.exceptions.InvalidSchema as error:
            raise UsageError(self._revealed.clean(first_line(str(error)))) from None
        except (self._requests.exceptions.RequestException, OSError) as error:
            raise _Passing(self._revealed.clean(f"{self._origin[1]}: {reason(error)}")) from None

    def _named(self, at: str, url: str) -> str:
        """Return an address that an answer names, made whole.

        Raises:
            WorkFailed: it is none.
        """
        try:
            whole = urljoin(at, url)
            origin(whole)
        except ValueError:
            raise WorkFailed(
                self._revealed.clean(
                    f"the answer of {self._origin[1]} leads to what is no address: {first_line(url, 120)!r}"
                )
            ) from None
        return whole

    def _may_go(self, url: str) -> bool:
        """Whether an address is of the same server; the same over https, too."""
        scheme, place = origin(url)
        if (scheme, place) == self._origin:
            return True
        host = urlsplit(self.url).hostname
        parts = urlsplit(url)
        return (
            self._origin[0] == "http"
            and scheme == "https"
            and parts.hostname == host
            and parts.port in (None, 443)
        )

    def _told(self, status: int, body: bytes) -> str:
        said = f": {excerpt(body)}" if body.strip() else ""
        return self._revealed.clean(f"{self._origin[1]} answered {status}{said}")


def _bytes(text: str) -> bytes:
    """Return the value of a header as it is sent; one that breaks the line would be headers of its own.

    Raises:
        UsageError: it breaks the line.
    """
    if "\n" in text or "\r" in text:
        raise UsageError("headers: a value has several lines")
    return text.encode()
