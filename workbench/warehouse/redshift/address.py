"""Where a Redshift is and how to log in to it, from a URL.

    redshift://user@host:port/database                  the password is WORKBENCH_REDSHIFT_PASSWORD's
    redshift://host:port/database?secret=ARN            user and password are in AWS Secrets Manager
    redshift+iam://user@cluster/database                temporary credentials of a cluster
    redshift+iam://workgroup/database?serverless=on     temporary credentials of a serverless workgroup

Further: ``ssl=off``, ``ca=FILE`` (an authority beside Amazon's), ``region=…``; and with temporary credentials ``role=ARN``,
the role that asks for them: all who may take it are one user of the database, who owns what any of them makes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from workbench.errors import UsageError, WorkFailed, one_line, unknown

_OPTIONS = ("ssl", "ca", "secret", "region", "serverless", "role")
_FORM = "redshift://user@host:port/database"
_LEFT = timedelta(minutes=5)
_taken: dict[tuple[str, str], Mapping[str, Any]] = {}


@dataclass(frozen=True)
class Address:
    """A Redshift and a login to it. The password is in no text of it: neither its ``url`` nor its ``repr``."""

    host: str
    port: int
    database: str
    user: str
    password: str = field(default="", repr=False)
    iam: bool = False
    serverless: bool = False
    tls: bool = True
    ca: Path | None = None
    secret: str = ""
    region: str = ""
    role: str = ""

    @classmethod
    def parse(cls, url: str, password: str = "") -> Address:
        """Read a URL; ``password`` is used where the URL has none and names no secret.

        Raises:
            UsageError: it isn't of the form, or asks for temporary credentials without TLS.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or 5439
        except ValueError:
            # The reason quotes a part of the URL, which may be the password.
            raise UsageError(f"the URL of the warehouse isn't of the form {_FORM}") from None
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        for name in options:
            if name not in _OPTIONS:
                raise unknown("option in the URL of the warehouse", name, _OPTIONS)
        iam = parts.scheme == "redshift+iam"
        host = parts.hostname or ""
        database = unquote(parts.path.strip("/"))
        user = unquote(parts.username or "")
        if not host or not database or "/" in database or not (user or iam or options.get("secret")):
            raise UsageError(f"the URL of the warehouse isn't of the form {_FORM}")
        address = cls(
            host=host,
            port=port,
            database=database,
            user=user,
            password=unquote(parts.password or "") or ("" if options.get("secret") else password),
            iam=iam,
            serverless=_is_on(options, "serverless", default=False),
            tls=_is_on(options, "ssl", default=True),
            ca=Path(options["ca"]).expanduser() if options.get("ca") else None,
            secret=options.get("secret", ""),
            region=options.get("region", ""),
            role=options.get("role", ""),
        )
        if address.role and not iam:
            raise UsageError("role= in the URL of the warehouse goes with redshift+iam:// only")
        if address.role and not address.region:
            raise UsageError("role= in the URL of the warehouse needs region=, too")
        if iam and not address.tls:
            raise UsageError("temporary credentials need TLS: take ssl=off out of the URL of the warehouse")
        if address.ca and not address.ca.is_file():
            raise UsageError(f"no certificate authority at {address.ca} (ca= in the URL of the warehouse)")
        return address

    @property
    def url(self) -> str:
        """The address without the password."""
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        options = {
            "ssl": "" if self.tls else "off",
            "ca": str(self.ca or ""),
            "secret": self.secret,
            "region": self.region,
            "serverless": "on" if self.serverless else "",
            "role": self.role,
        }
        query = urlencode({name: value for name, value in options.items() if value}, safe="/:")
        scheme = "redshift+iam" if self.iam else "redshift"
        name = f"{user}{self.host}:{self.port}/{quote(self.database, safe='')}"
        return f"{scheme}://{name}{'?' + query if query else ''}"

    def arguments(self) -> dict[str, Any]:
        """Return what the driver's ``connect`` takes; a secret is fetched here, and a role taken.

        Raises:
            UsageError: there is no password.
            WorkFailed: Secrets Manager doesn't hand the secret out, or the role may not be taken.
        """
        driver_arguments: dict[str, Any] = {"database": self.database, "ssl": self.tls}
        if self.region:
            driver_arguments["region"] = self.region
        if self.iam:
            driver_arguments |= {"iam": True, **self._temporary(), **self.keys()}
            return driver_arguments
        login = _fetch(self) if self.secret else self
        if not login.password:
            raise UsageError(
                f"no password for {self.url}: set WORKBENCH_REDSHIFT_PASSWORD, or name a secret with ?secret=ARN"
            )
        driver_arguments |= {
            "host": self.host,
            "port": self.port,
            "user": login.user,
            "password": login.password,
        }
        return driver_arguments

    def keys(self) -> dict[str, str]:
        """Return the keys of the role, by the names of the driver; nothing without one.

        Raises:
            WorkFailed: the role may not be taken.
        """
        if not self.role:
            return {}
        keys = _take(self.role, self.region)
        return {
            "access_key_id": keys["AccessKeyId"],
            "secret_access_key": keys["SecretAccessKey"],
            "session_token": keys["SessionToken"],
        }

    def _temporary(self) -> dict[str, Any]:
        # A whole host name is an endpoint; the driver takes cluster, workgroup, account and region from it.
        name = {"host": self.host, "port": self.port} if "." in self.host else {}
        if self.serverless:
            return {"is_serverless": True, **(name or {"serverless_work_group": self.host})}
        user = {"db_user": self.user} if self.user else {}
        return {"cluster_identifier": self.host.split(".")[0], **user, **name}


def _is_on(options: dict[str, str], name: str, *, default: bool) -> bool:
    if name not in options:
        return default
    value = options[name].lower()
    if value in ("on", "off"):
        return value == "on"
    raise UsageError(f"{name} in the URL of the warehouse is on or off, not {options[name]!r}")


def _take(role: str, region: str) -> Mapping[str, Any]:
    """Return keys of a role, which are kept until shortly before they end."""
    import boto3
    import botocore.exceptions

    keys = _taken.get((role, region))
    if keys is None or keys["Expiration"] - datetime.now(UTC) < _LEFT:
        client = boto3.client("sts", region_name=region)
        try:
            keys = client.assume_role(RoleArn=role, RoleSessionName="workbench")["Credentials"]
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
            raise WorkFailed(f"can't take the role {role}: {one_line(str(error))}") from None
        _taken[role, region] = keys
    return keys


def _fetch(address: Address) -> Address:
    """Return the address with user and password of its secret, which is JSON as Secrets Manager makes it."""
    import boto3
    import botocore.exceptions

    client = boto3.client("secretsmanager", **({"region_name": address.region} if address.region else {}))
    try:
        text = client.get_secret_value(SecretId=address.secret)["SecretString"]
    except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError, KeyError) as error:
        raise WorkFailed(f"can't get the secret {address.secret}: {error}") from None
    try:
        values = json.loads(text)
        user, password = str(values.get("username") or address.user), str(values["password"])
    except (ValueError, KeyError, AttributeError, TypeError):
        raise UsageError(f"the secret {address.secret} isn't JSON with username and password") from None
    return replace(address, user=user, password=password)
