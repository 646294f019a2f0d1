"""Files on an SFTP server."""

from __future__ import annotations

import logging
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from workbench.errors import UsageError, WorkFailed
from workbench.secrets.secret import Secret
from workbench.sources.remote.base import RemoteFile, chosen, errors, pattern, require_data, top_of


class SftpServer:
    """Files on an SFTP server, whose key is among the hosts that are known (``~/.ssh/known_hosts``)."""

    def __init__(self, parts: Any, port: int | None, secret: Secret | None) -> None:
        import paramiko
        from fsspec.implementations.sftp import SFTPFileSystem

        class OnlyKnown(paramiko.MissingHostKeyPolicy):
            def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
                known = paramiko.HostKeys()
                path = Path("~/.ssh/known_hosts").expanduser()
                if path.is_file():
                    known.load(str(path))
                if not known.check(hostname, key):
                    raise UsageError(
                        f"the key of {hostname} isn't in ~/.ssh/known_hosts: connect once with ssh or sftp, and look at it"
                    )

        # What it can't do it raises, and would print as a traceback as well.
        logging.getLogger("paramiko").addHandler(logging.NullHandler())
        self._server = parts.netloc
        self._path = unquote(parts.path) or "/"
        login = {"username": unquote(parts.username)} if parts.username else {}
        if secret:
            login["password"] = secret.reveal()
        try:
            with errors(f"sftp://{self._server}"):
                self._files = SFTPFileSystem(
                    parts.hostname,
                    port=port or 22,
                    timeout=15,
                    skip_instance_cache=True,
                    host_key_policy=OnlyKnown(),
                    **login,
                )
        except WorkFailed as error:
            raise UsageError(f"{error}; is the user right, and the key or --secret?") from None

    def find(self) -> list[RemoteFile]:
        address = f"sftp://{self._server}{self._path}"
        with errors(address):
            if "*" not in self._path and self._files.isfile(self._path):
                file = self.look(PurePosixPath(self._path))
                files = [file] if file else []
            else:
                top = top_of(self._path) if "*" in self._path else PurePosixPath(self._path)
                found = self._files.find(str(top), detail=True) if self._files.isdir(str(top)) else {}
                wanted = pattern(self._path if "*" in self._path else self._path.rstrip("/") + "/**")
                near = [
                    self._file(PurePosixPath(name), about)
                    for name, about in found.items()
                    if wanted.fullmatch(name)
                ]
                return chosen(near, top, address)
        if not files:
            raise UsageError(f"nothing to load: no file, folder or match at {address}")
        require_data(files[0].path, address)
        return files

    def look(self, path: PurePosixPath) -> RemoteFile | None:
        try:
            with errors(str(path)):
                return self._file(path, self._files.info(str(path)))
        except UsageError:
            return None

    def copy(self, file: RemoteFile, target: Path) -> None:
        with errors(file.address):
            self._files.get_file(str(file.path), str(target))

    def close(self) -> None:
        self._files.client.close()

    def _file(self, path: PurePosixPath, about: dict[str, Any]) -> RemoteFile:
        changed = about["mtime"].timestamp() if about.get("mtime") else 0.0
        return RemoteFile(f"sftp://{self._server}{path}", path, about.get("size"), f"{changed}", changed)
