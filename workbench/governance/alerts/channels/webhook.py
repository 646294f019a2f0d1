"""Alerts by HTTPS: each notification is posted as JSON."""

from __future__ import annotations

import base64
import http.client
import json
from functools import partial
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlunsplit
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from workbench.errors import UsageError, WorkFailed, one_line
from workbench.governance.alerts.channels.address import Address, filled, put_in
from workbench.governance.alerts.channels.base import LONGEST, TIMEOUT, Unreachable
from workbench.governance.alerts.channels.limit import TimeLimit
from workbench.governance.alerts.notifications import Notification, json_of
from workbench.secrets.redact import Redactor
from workbench.settings import Settings

_HERE = ("localhost", "127.0.0.1", "::1")
# These speak of the channel, not of what was sent.
_OF_CHANNEL = (401, 403, 404, 405, 407, 408, 410, 429)


class WebhookChannel:
    """Posts to an address; a user and a password in it go as basic authentication. Redirections aren't followed.

    The header ``Idempotency-Key`` is the notification's id, so that receivers can drop what they have got before.

    Raises:
        UsageError: it names no host, or would send a secret without TLS.
    """

    def __init__(self, address: Address) -> None:
        self._address, parts = address, address.parts
        if not parts.hostname:
            raise UsageError(f"the channel {address.scheme}: is written as https://HOST/PATH")
        if address.scheme == "http" and address.references and parts.hostname not in _HERE:
            raise UsageError(f"the channel {address.masked} would send a secret in the clear; write https:")
        self.name = address.masked

    def send(self, notification: Notification, settings: Settings) -> None:
        """Post it; any answer of the 200s means that it was taken."""
        secrets = self._address.secrets()
        content = json.dumps(json_of(notification, settings)).encode()
        limit = TimeLimit(LONGEST)
        try:
            with limit:
                self._post(content, notification.notification_id, secrets, limit)
        except HTTPError as error:
            error.close()
            kind = WorkFailed if 400 <= error.code < 500 and error.code not in _OF_CHANNEL else Unreachable
            problem = kind(f"{self.name}: {error.code}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = one_line(str(getattr(error, "reason", None) or error)) or type(error).__name__
            if limit.is_over:
                reason = f"no answer within {limit.seconds:g} s"
            problem = Unreachable(f"{self.name}: {Redactor([*secrets, self._address.text]).text(reason)}")
        else:
            return
        # Not from the cause, whose text may hold a secret.
        raise problem from None

    def _post(self, content: bytes, notification_id: str, secrets: list[str], limit: TimeLimit) -> None:
        parts = self._address.parts
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "workbench",
            "Idempotency-Key": notification_id,
        }
        if parts.username:
            login = f"{filled(parts.username, secrets)}:{filled(parts.password, secrets)}"
            headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
        place = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="")
        url = put_in(urlunsplit(place), secrets)
        request = Request(url, content, headers, method="POST")  # noqa: S310  http or https, as checked
        # The status says all; what else is answered may never end.
        build_opener(_NoRedirects, _Http(limit), _Https(limit)).open(request, timeout=TIMEOUT).close()


class _Http(HTTPHandler):
    def __init__(self, limit: TimeLimit) -> None:
        super().__init__()
        self._limit = limit

    def http_open(self, asked: Request) -> http.client.HTTPResponse:
        """Ask within the limit."""
        return self.do_open(partial(_within, self._limit, http.client.HTTPConnection), asked)


class _Https(HTTPSHandler):
    def __init__(self, limit: TimeLimit) -> None:
        super().__init__()
        self._limit = limit

    def https_open(self, asked: Request) -> http.client.HTTPResponse:
        """Ask within the limit."""
        return self.do_open(partial(_within, self._limit, http.client.HTTPSConnection), asked)


def _within(
    limit: TimeLimit, kind: type[http.client.HTTPConnection], host: str, **named: Any
) -> http.client.HTTPConnection:
    made = kind(host, **named)
    made._create_connection = limit.connect  # type: ignore[attr-defined]
    return made


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *asked: Any) -> None:
        """Follow nobody: what is sent is for whom the settings name."""
