"""Who is let in to the local AWS: it runs commands, so only clients of this machine that know its key.

A page in a browser can reach a port of this machine: with a name of its own that leads here (the ``Host`` tells),
or from another origin (``Origin`` tells). Programs of other users can, too. So every request must be signed, as AWS
itself asks for it.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import secrets
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from workbench.aws.local.signatures import Refused, read_body, signed_by

KEY = ("WORKBENCH_LOCAL_AWS_KEY", "WORKBENCH_LOCAL_AWS_SECRET")
"""Variables with the key's identifier and its secret, for the process of the server."""

_ALPHABET = string.ascii_uppercase + string.digits

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


@dataclass(frozen=True)
class Key:
    """The key that opens a local AWS, as AWS's clients know it."""

    identifier: str
    secret: str

    @classmethod
    def new(cls) -> Key:
        """Return one that nobody can guess."""
        return cls("LOCAL" + "".join(secrets.choice(_ALPHABET) for _ in range(15)), secrets.token_urlsafe(30))

    @property
    def variables(self) -> dict[str, str]:
        """The variables from which AWS's clients take it."""
        return {"AWS_ACCESS_KEY_ID": self.identifier, "AWS_SECRET_ACCESS_KEY": self.secret}


class Door:
    """A WSGI application that hands on to another one what may come in, and refuses the rest with 403."""

    def __init__(self, application: Callable[..., Iterable[bytes]], key: Key) -> None:
        self._application, self._key = application, key

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        try:
            _check_origin(environ)
            signed_by(environ, self._secret).check(lambda: read_body(environ))
        except Refused as refused:
            return _refuse(environ, start_response, refused)
        return self._application(environ, start_response)

    def _secret(self, identifier: str) -> str | None:
        """Return the secret of a key: the server's own, or one that its IAM or STS handed out."""
        if hmac.compare_digest(identifier.encode(), self._key.identifier.encode()):
            return self._key.secret
        return _handed_out().get(identifier)


def _handed_out() -> Mapping[str, str]:
    from moto.iam.models import iam_backends
    from moto.sts.models import sts_backends

    found: dict[str, str] = {}
    for _, _, iam in iam_backends.iter_backends():
        for user in iam.users.values():
            found |= {key.access_key_id: key.secret_access_key for key in user.access_keys}
    for _, _, sts in sts_backends.iter_backends():
        found |= {role.access_key_id: role.secret_access_key for role in sts.assumed_roles}
    return found


def _check_origin(environ: Environ) -> None:
    host = environ.get("HTTP_HOST", "")
    if not _is_here(f"//{host}"):
        raise Refused("AccessDenied", f"the local AWS answers to 127.0.0.1 and localhost, not to {host!r}")
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and not _is_here(origin):
        raise Refused("AccessDenied", f"the local AWS takes nothing from pages of {origin!r}")


def _is_here(address: str) -> bool:
    """Tell whether an address names this machine: ``localhost``, a name below it, or a loopback address."""
    try:
        name = (urlsplit(address).hostname or "").lower().rstrip(".")
        return name == "localhost" or name.endswith(".localhost") or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _refuse(environ: Environ, start_response: StartResponse, refused: Refused) -> list[bytes]:
    """Say no in the form that the client's service has for errors."""
    form = environ.get("CONTENT_TYPE", "")
    if "json" in form:
        kind, text = (
            "application/x-amz-json-1.1",
            json.dumps({"__type": refused.code, "message": str(refused)}),
        )
    else:
        error = f"<Error><Code>{refused.code}</Code><Message>{escape(str(refused))}</Message></Error>"
        kind = "application/xml"
        text = f"<ErrorResponse>{error}</ErrorResponse>" if "form-urlencoded" in form else error
    # A body that nobody reads would be taken for the next request.
    headers = [("Content-Type", kind), ("x-amzn-ErrorType", refused.code), ("Connection", "close")]
    start_response("403 Forbidden", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [text.encode()]
