"""Alerts by e-mail, through an SMTP server."""

from __future__ import annotations

import platform
import smtplib
import socket
import ssl
from email.message import EmailMessage
from email.utils import formatdate

from workbench.errors import UsageError, WorkFailed, one_line
from workbench.governance.alerts.channels.address import Address, filled
from workbench.governance.alerts.channels.base import LONGEST, TIMEOUT, Unreachable
from workbench.governance.alerts.channels.limit import TimeLimit
from workbench.governance.alerts.notifications import Notification, text_of
from workbench.secrets.redact import Redactor
from workbench.settings import Settings

_PORTS = {"smtp": 25, "smtps": 465}


class EmailChannel:
    """Sends from one address to others, over TLS where the server offers it; a password never goes without.

    Its ``Message-ID`` is that of the notification, so that mailboxes can drop what they have got before.

    Raises:
        UsageError: the address names no server, nobody to send to, or nobody who sends.
    """

    def __init__(self, address: Address) -> None:
        self._address, parts = address, address.parts
        options = address.options("to", "from")
        # A plus is part of many an address.
        self._to = [each.replace(" ", "+") for each in options.get("to", [])]
        (self._from,) = options.get("from", [])[:1] or [""]
        self._from = self._from.replace(" ", "+")
        for each in (self._from, *(self._to or [""])):
            if not parts.hostname or "@" not in each or len(each.split()) != 1:
                raise UsageError(
                    f"the channel {address.scheme}: is written as {address.scheme}://HOST:PORT/?from=ADDRESS&to=ADDRESS"
                )
        self._host, self._port = parts.hostname or "", parts.port or _PORTS[address.scheme]
        self.name = f"{address.scheme}://{self._host}:{self._port}/?to={'&to='.join(self._to)}"

    def send(self, notification: Notification, settings: Settings) -> None:
        """Send it."""
        secrets = self._address.secrets()
        clean = Redactor(secrets).text
        limit = TimeLimit(LONGEST)
        try:
            with limit:
                self._send(self._text(notification, settings), secrets, limit)
        except (smtplib.SMTPDataError, smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused) as error:
            raise WorkFailed(clean(f"{self.name}: {_reason(error)}")) from None
        except (smtplib.SMTPException, OSError) as error:
            reason = f"not done within {limit.seconds:g} s" if limit.is_over else _reason(error)
            raise Unreachable(clean(f"{self.name}: {reason}")) from None

    def _text(self, notification: Notification, settings: Settings) -> EmailMessage:
        text = EmailMessage()
        text["Subject"] = notification.title
        text["From"], text["To"] = self._from, ", ".join(self._to)
        text["Date"], text["Message-ID"] = formatdate(), f"<{notification.notification_id}@workbench>"
        text["Auto-Submitted"] = "auto-generated"
        text.set_content(text_of(notification, settings))
        return text

    def _send(self, text: EmailMessage, secrets: list[str], limit: TimeLimit) -> None:
        context, parts = ssl.create_default_context(), self._address.parts
        # The name of this machine, not one that a name server is asked for.
        asked = {"timeout": TIMEOUT, "local_hostname": platform.node() or "localhost"}
        is_safe = self._address.scheme == "smtps"

        class Server(smtplib.SMTP):
            """One that is spoken to within the limit."""

            def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
                return limit.connect((host, port), timeout)

        class SafeServer(smtplib.SMTP_SSL, Server):
            """The same, over TLS from the beginning."""

        server = (
            SafeServer(self._host, self._port, context=context, **asked)  # type: ignore[arg-type]
            if is_safe
            else Server(self._host, self._port, **asked)  # type: ignore[arg-type]
        )
        with server:
            server.ehlo()
            if not is_safe and server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
                is_safe = True
            if parts.password:
                if not is_safe:
                    raise smtplib.SMTPException("the server offers no TLS, so it isn't given the password")
                server.login(filled(parts.username, secrets), filled(parts.password, secrets))
            server.send_message(text)


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(
            f"{name}: {code} {one_line(text.decode('utf-8', 'replace'))}"
            for name, (code, text) in error.recipients.items()
        )
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return f"{error.smtp_code} {one_line(text.decode('utf-8', 'replace') if isinstance(text, bytes) else text)}"
    return one_line(str(error)) or type(error).__name__
