"""Signatures of requests, made again with botocore's own signers and compared.

Version 4 in a header or in the URL, as all services take it; and what boto3 presigns for S3 by default: URLs and
forms of version 2.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import io
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from botocore.auth import HmacV1Auth, HmacV1QueryAuth, S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

SKEW = 15 * 60
"""Seconds that a signature's time may be off, as at AWS."""

_UNSIGNED = "UNSIGNED-PAYLOAD"
_IN_SIGNATURE = "IN-SIGNATURE"
_LONGEST = 7 * 24 * 3600
_HOW = "the local AWS must be called with the key of its services.env (`workbench up` says where it is)"
Secret = Callable[[str], str | None]


class Refused(Exception):
    """A request isn't let in; ``code`` is AWS's for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Signed:
    """What a signature holds of the body: its SHA-256, or a word for why there is none to compare."""

    body_sha256: str

    def check(self, body: Callable[[], bytes]) -> None:
        """Hold the body to the hash that was signed; what is hashed piece by piece is taken as it comes.

        Raises:
            Refused: it is another one.
        """
        if self.body_sha256.startswith((_UNSIGNED, _IN_SIGNATURE, "STREAMING-")):
            return
        if not hmac.compare_digest(hashlib.sha256(body()).hexdigest(), self.body_sha256):
            raise Refused("XAmzContentSHA256Mismatch", "the body isn't the one that was signed")


def signed_by(environ: dict[str, Any], secret: Secret) -> Signed:
    """Check who signed a request.

    Args:
        environ: WSGI's.
        secret: returns the secret of a key's identifier; None if there is no such key.

    Raises:
        Refused: nobody did, nobody that is known, or it was changed since.
    """
    raw = urlsplit("http://here" + environ.get("RAW_URI", environ.get("REQUEST_URI", "/")).split("#")[0])
    # A client may name the whole URL; what was signed is the path.
    url = urlunsplit(("http", environ["HTTP_HOST"], raw.path, raw.query, ""))
    query = dict(parse_qsl(raw.query, keep_blank_values=True))
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    try:
        if authorization.startswith("AWS4-HMAC-SHA256 "):
            return _in_header(environ, url, authorization, secret)
        if "X-Amz-Signature" in query:
            return _in_url(environ, url, query, secret)
        if {"AWSAccessKeyId", "Signature", "Expires"} <= set(query):
            return _presigned_of_old(environ, url, query, secret)
        if environ.get("CONTENT_TYPE", "").startswith("multipart/form-data"):
            return _in_form(environ, secret)
    except (KeyError, ValueError, binascii.Error) as error:
        raise Refused("IncompleteSignature", f"the signature can't be read ({error})") from None
    raise Refused("MissingAuthenticationToken", f"the request isn't signed: {_HOW}")


class _Again:
    """What both signers of version 4 lack to sign a request again: the very headers that were signed."""

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        found = HTTPHeaders()
        for name in request.context["signed"]:
            found[name] = request.headers[name]
        return found


class _Version4(_Again, SigV4Auth):
    pass


class _Version4OfS3(_Again, S3SigV4Auth):
    pass


def _in_header(environ: dict[str, Any], url: str, authorization: str, secret: Secret) -> Signed:
    parts = dict(part.strip().split("=", 1) for part in authorization.partition(" ")[2].split(","))
    stamp = environ.get("HTTP_X_AMZ_DATE") or _stamp(environ["HTTP_DATE"])
    if abs(time.time() - _seconds(stamp)) > SKEW:
        raise Refused("RequestTimeTooSkewed", "the request was signed at another time than now")
    claimed = environ.get("HTTP_X_AMZ_CONTENT_SHA256")
    request = _request(environ, url, parts["SignedHeaders"], stamp, claimed)
    _compare(request, parts["Credential"].split("/"), parts["Signature"], secret)
    return Signed(claimed or _IN_SIGNATURE)


def _in_url(environ: dict[str, Any], url: str, query: Mapping[str, str], secret: Secret) -> Signed:
    stamp, scope = query["X-Amz-Date"], query["X-Amz-Credential"].split("/")
    _not_over(_seconds(stamp) + min(int(query.get("X-Amz-Expires", "3600")), _LONGEST))
    parts = urlsplit(url)
    kept = "&".join(each for each in parts.query.split("&") if not each.startswith("X-Amz-Signature="))
    # Who presigns for S3 doesn't know the body.
    claimed = environ.get("HTTP_X_AMZ_CONTENT_SHA256") or (_UNSIGNED if scope[-2] == "s3" else None)
    url = urlunsplit(parts._replace(query=kept))
    _compare(
        _request(environ, url, query["X-Amz-SignedHeaders"], stamp, claimed),
        scope,
        query["X-Amz-Signature"],
        secret,
    )
    return Signed(claimed or _IN_SIGNATURE)


def _presigned_of_old(environ: dict[str, Any], url: str, query: Mapping[str, str], secret: Secret) -> Signed:
    _not_over(int(query["Expires"]))
    signer = _OfOld(_credentials(query["AWSAccessKeyId"], secret), query["Expires"])
    headers = HTTPHeaders()
    for name, value in {**_headers(environ), **{key.lower(): each for key, each in query.items()}}.items():
        if name in ("content-md5", "content-type") or name.startswith("x-amz-"):
            headers[name] = value
    found = signer.get_signature(environ["REQUEST_METHOD"], urlsplit(url), headers)
    _equal(found, query["Signature"])
    return Signed(_UNSIGNED)


class _OfOld(HmacV1QueryAuth):
    """Signs with the end of another signature's time."""

    def _get_date(self) -> str:
        return str(self._expires)


def _in_form(environ: dict[str, Any], secret: Secret) -> Signed:
    """Check a form of S3's: its policy is what is signed."""
    from werkzeug.wrappers import Request

    read_body(environ)
    form = {name.lower(): value for name, value in Request(dict(environ)).form.items()}
    environ["wsgi.input"].seek(0)
    policy = form["policy"]
    expiration = json.loads(base64.b64decode(policy))["expiration"]
    _not_over(dt.datetime.fromisoformat(expiration.replace("Z", "+00:00")).timestamp())
    if "x-amz-signature" in form:
        scope = form["x-amz-credential"].split("/")
        request = AWSRequest()
        request.context["timestamp"] = form["x-amz-date"]
        signer = SigV4Auth(_credentials(scope[0], secret), scope[-2], scope[-3])
        _equal(signer.signature(policy, request), form["x-amz-signature"])
    else:
        found = HmacV1Auth(_credentials(form["awsaccesskeyid"], secret)).sign_string(policy)
        _equal(found, form["signature"])
    return Signed(_UNSIGNED)


def _request(environ: dict[str, Any], url: str, signed: str, stamp: str, claimed: str | None) -> AWSRequest:
    """Return the request that was signed; the body is read only where its hash didn't come along."""
    headers, names = _headers(environ), signed.lower().split(";")
    request = AWSRequest(
        method=environ["REQUEST_METHOD"],
        url=url,
        data=read_body(environ) if claimed is None else b"",
        headers={name: headers[name] for name in names},
    )
    if claimed is not None and "x-amz-content-sha256" not in names:
        request.headers["x-amz-content-sha256"] = claimed
    request.context["timestamp"], request.context["signed"] = stamp, names
    return request


def read_body(environ: dict[str, Any]) -> bytes:
    """Return a request's body, and leave it there for the next reader."""
    length = environ.get("CONTENT_LENGTH")
    if length or environ.get("wsgi.input_terminated"):
        body: bytes = environ["wsgi.input"].read(int(length) if length else -1)
    else:
        body = b""
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    found = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") and isinstance(value, str)
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            found[name.replace("_", "-").lower()] = environ[name]
    return found


def _compare(request: AWSRequest, scope: list[str], signature: str, secret: Secret) -> None:
    identifier, _, region, service, _ = scope
    kind = _Version4OfS3 if service == "s3" else _Version4
    signer = kind(_credentials(identifier, secret), service, region)
    again = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    _equal(again, signature)


def _equal(again: str, signature: str) -> None:
    if not hmac.compare_digest(again.encode(), signature.encode()):
        raise Refused("SignatureDoesNotMatch", f"the signature isn't one of that key's: {_HOW}")


def _credentials(identifier: str, secret: Secret) -> Credentials:
    found = secret(identifier)
    if found is None:
        raise Refused("InvalidAccessKeyId", f"there is no such key: {_HOW}")
    return Credentials(identifier, found)


def _stamp(date: str) -> str:
    return parsedate_to_datetime(date).astimezone(dt.UTC).strftime("%Y%m%dT%H%M%SZ")


def _seconds(stamp: str) -> float:
    return dt.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC).timestamp()


def _not_over(end: float) -> None:
    if time.time() > end:
        raise Refused("AccessDenied", "what was signed beforehand is over")
