"""MLflow's server behind its own login: its users have, from each start on, the passwords that variables give.

A password is changed by another start, and nobody has to know the old one. There are

- an administrator, ``MLFLOW_AUTH_ADMIN_USERNAME`` (``admin`` unless set) with ``MLFLOW_AUTH_ADMIN_PASSWORD``;
- whoever trains and reads models, ``MLFLOW_TRACKING_USERNAME`` with ``MLFLOW_TRACKING_PASSWORD``, as MLflow's clients
  are told, too: no administrator, who owns what it makes. None where both are empty;
- people whom the administrator has made, who stay as they are.

Arguments are those of ``mlflow server``.
"""

from __future__ import annotations

import configparser
import os
import secrets
import sys
from pathlib import Path

STATE = Path(os.environ.get("HOME", "/state"))
SHORTEST = 12


def users() -> list[tuple[str, str, bool]]:
    """Return name and password of the users that variables give, and whether one is an administrator.

    Raises:
        SystemExit: a password is missing or short.
    """
    found = [
        (
            os.environ.get("MLFLOW_AUTH_ADMIN_USERNAME") or "admin",
            os.environ.get("MLFLOW_AUTH_ADMIN_PASSWORD", ""),
            "MLFLOW_AUTH_ADMIN_PASSWORD",
        ),
        (
            os.environ.get("MLFLOW_TRACKING_USERNAME", ""),
            os.environ.get("MLFLOW_TRACKING_PASSWORD", ""),
            "MLFLOW_TRACKING_PASSWORD",
        ),
    ]
    if not any(found[1][:2]):
        del found[1]
    for name, password, variable in found:
        if not name:
            raise SystemExit(
                "set MLFLOW_TRACKING_USERNAME to the user whose password MLFLOW_TRACKING_PASSWORD is"
            )
        if len(password) < SHORTEST:
            raise SystemExit(
                f"set {variable} to a password of {SHORTEST} characters or more, for the user {name}"
            )
    if len({name for name, _, _ in found}) < len(found):
        raise SystemExit("MLFLOW_TRACKING_USERNAME is the administrator: set it to a user of its own")
    return [(name, password, index == 0) for index, (name, password, _) in enumerate(found)]


def configure(database: str) -> None:
    """Write what MLflow's login reads from a file only: where users are, and what they may of others' work."""
    # Without interpolation, for a URL can have percent signs; MLflow reads with it.
    config = configparser.ConfigParser(interpolation=None)
    config["mlflow"] = {
        "database_uri": database.replace("%", "%%"),
        "default_permission": "READ",
        # A password is hashed slowly, and each request brings it; changes by this server are seen at once.
        "auth_cache_ttl_seconds": "60",
    }
    path = STATE / "basic_auth.ini"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        config.write(file)
    os.environ["MLFLOW_AUTH_CONFIG_PATH"] = str(path)


def main() -> None:
    """Set up users, then become the server."""
    known = users()
    database = os.environ["MLFLOW_BACKEND_STORE_URI"]
    configure(database)
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore()
    store.init_db(database)
    for name, password, is_admin in known:
        if store.has_user(name):
            store.update_user(name, password=password, is_admin=is_admin)
        else:
            store.create_user(name, password, is_admin=is_admin)
    # It signs forms of the page that makes users; a form doesn't outlive the server.
    os.environ.setdefault("MLFLOW_FLASK_SERVER_SECRET_KEY", secrets.token_hex(32))
    # The administrator has been made; what the server reads of the user of clients would make it one of itself.
    for name in ("MLFLOW_AUTH_ADMIN_PASSWORD", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        os.environ.pop(name, None)
    os.environ["MLFLOW_AUTH_ADMIN_USERNAME"] = known[0][0]
    os.execvp("mlflow", ["mlflow", "server", "--app-name", "basic-auth", *sys.argv[1:]])  # noqa: S606


if __name__ == "__main__":
    main()
