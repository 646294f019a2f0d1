"""The command line: python -m redshift_local start|stop|status --data DIR."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from redshift_local.errors import LocalError
from redshift_local.server import RedshiftLocal, is_locked


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Exit 0 done, 1 nothing runs or it ended by itself, 2 the call was wrong or it can't start."""
    given = _parse(arguments)
    try:
        return {"start": _start, "stop": _stop, "status": _status}[given.command](given)
    except LocalError as problem:
        print(f"redshift_local: {problem}", file=sys.stderr)
        return 2


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = _Parser(prog="redshift_local", description="A local look-alike of Amazon Redshift.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    start = commands.add_parser("start", help="start it, and run until stopped or Ctrl-C")
    start.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    start.add_argument(
        "--port", type=_port, default=5439, help="port; 0 takes a free one (default %(default)s)"
    )
    start.add_argument("--database", default="dev", help="database to make (default %(default)s)")
    start.add_argument("--user", default="awsuser", help="user to make (default %(default)s)")
    start.add_argument(
        "--s3-endpoint", metavar="URL", help="where S3 is (default: AWS_ENDPOINT_URL, then AWS)"
    )
    start.add_argument(
        "--isolation", choices=("serializable", "snapshot"), default="serializable",
        help="isolation level of the database (default %(default)s)",
    )  # fmt: skip
    start.add_argument("--no-tls", action="store_true", help="speak no TLS")
    start.add_argument("--require-tls", action="store_true", help="turn away clients that don't ask for TLS")
    start.epilog = "The password is REDSHIFT_LOCAL_PASSWORD's, or made once and kept in DIR/password."
    for command in (
        start,
        commands.add_parser("stop", help="stop it"),
        commands.add_parser("status", help="say where it is"),
    ):
        command.add_argument(
            "--data", type=Path, required=True, metavar="DIR", help="folder for all it keeps"
        )
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 0 to 65535")
    return int(text)


def _start(given: argparse.Namespace) -> int:
    server = RedshiftLocal(
        given.data, host=given.host, port=given.port, database=given.database, user=given.user,
        password=os.environ.get("REDSHIFT_LOCAL_PASSWORD", ""), tls=not given.no_tls, require_tls=given.require_tls,
        isolation=given.isolation,
        s3={"endpoint_url": given.s3_endpoint} if given.s3_endpoint else None,
    )  # fmt: skip
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with server as address:
            print(f"ready: {address.url}", flush=True)
            print(f"password: in {given.data / 'password'}", flush=True)
            if address.ca:
                print(f"certificate authority: {address.ca}", flush=True)
            while True:
                time.sleep(0.5)
                server.check()
    except KeyboardInterrupt:
        return 0


def _interrupt(*_: object) -> None:
    # Once: a second signal must not cut the stopping short.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _stop(given: argparse.Namespace) -> int:
    state = _state(given.data)
    if state is None:
        print("not running")
        return 0
    os.kill(int(str(state["pid"])), signal.SIGTERM)
    deadline = time.monotonic() + 60
    while is_locked(given.data):
        if time.monotonic() > deadline:
            raise LocalError(f"process {state['pid']} didn't end within a minute")
        time.sleep(0.05)
    print("stopped")
    return 0


def _status(given: argparse.Namespace) -> int:
    state = _state(given.data)
    print(f"running: {state['url']} (process {state['pid']})" if state else "not running")
    return 0 if state else 1


def _state(data: Path) -> dict[str, object] | None:
    """Return what a running server wrote down of itself; a file left by one that was killed counts for nothing."""
    try:
        return json.loads((data / "state.json").read_text()) if is_locked(data) else None
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())
