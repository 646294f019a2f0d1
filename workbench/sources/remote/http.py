"""Files behind HTTP or HTTPS."""

from __future__ import annotations

import base64
import ssl
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from workbench.errors import UsageError
from workbench.secrets.secret import Secret
from workbench.sources.remote.base import RemoteFile, chosen, errors, pattern, require_data, top_of


class WebServer:
    """Files behind HTTP or HTTPS; what a folder holds, its page tells by its links."""

    def __init__(self, source: str, secret: Secret | None) -> None:
        import aiohttp
        from fsspec.implementations.http import HTTPFileSystem

        parts = urlsplit(source)
        self._start = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._path = parts.path or "/"
        self._query = f"?{parts.query}" if parts.query else ""
        options: dict[str, Any] = {
            "trust_env": True,
            "timeout": aiohttp.ClientTimeout(sock_connect=15, sock_read=60),
        }
        if secret and parts.username:
            login = base64.b64encode(f"{unquote(parts.username)}:{secret.reveal()}".encode()).decode()
            options["headers"] = {"Authorization": f"Basic {login}"}
        elif secret:
            options["headers"] = {"Authorization": f"Bearer {secret.reveal()}"}
        self._files = HTTPFileSystem(
            client_kwargs=options,
            skip_instance_cache=True,
            use_listings_cache=False,
            # aiohttp keeps the one of its own from when it is imported.
            ssl=ssl.create_default_context(),
        )

    def find(self) -> list[RemoteFile]:
        address = self._address(self._path) + self._query
        if "*" not in self._path and not self._path.endswith("/"):
            file = self.look(PurePosixPath(unquote(self._path)))
            if file is None:
                raise UsageError(f"no file at {address.partition('?')[0]}")
            require_data(file.path, file.address)
            return [file]
        spelled = unquote(self._path if "*" in self._path else f"{self._path}**")
        top = top_of(spelled)
        unread: list[OSError] = []
        with errors(address):
            names = self._files.find(
                self._start + str(top).rstrip("/") + "/", withdirs=False, on_error=unread.append
            )
            if unread and not names:
                # Who can't be asked hasn't said that there is nothing.
                raise unread[0]
        paths = [path for name in names if (path := _path(name)) is not None]
        wanted = pattern(spelled)
        near = [path for path in paths if path.is_relative_to(top) and wanted.fullmatch(str(path))]
        files = chosen([RemoteFile(str(path), path, None, "") for path in near], top, address)
        looked = (self.look(file.path) for file in files)
        return [file for file in looked if file]

    def look(self, path: PurePosixPath) -> RemoteFile | None:
        address = self._address(str(path))
        try:
            with errors(address):
                about = self._files.info(address + self._query)
        except UsageError:
            return None
        version = about.get("ETag") or about.get("Last-Modified") or ""
        return RemoteFile(
            address,
            path,
            about.get("size"),
            str(version),
            is_page=str(about.get("mimetype", "")).startswith("text/html"),
        )

    def copy(self, file: RemoteFile, target: Path) -> None:
        with errors(file.address):
            self._files.get_file(file.address + self._query, str(target))

    def close(self) -> None:
        """Nothing is to be done: a connection is closed when its file system is no more."""

    def _address(self, path: str) -> str:
        return self._start + quote(unquote(path), safe="/~!$&'()*+,;=:@")


def _path(name: str) -> PurePosixPath | None:
    """Return the path of an address that a page names; None if it is none."""
    try:
        return PurePosixPath(unquote(urlsplit(name).path))
    except ValueError:
        return None
