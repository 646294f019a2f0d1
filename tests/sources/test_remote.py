"""Files elsewhere come by their address: over HTTPS, over SFTP, and from S3, each from a real server."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import http.server
import os
import socket
import ssl
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import asyncssh
import boto3
import pytest

from tests.aws_server import REGION
from tests.governance.alerts.receivers import free_port
from workbench.errors import UsageError, WorkFailed
from workbench.secrets.secret import Secret
from workbench.sources.files import NotLanded, land

CSV = "store_id,updated_at\nS1,2026-01-01\n"
MAP = "dataset: stores\ncolumns: {store_id: number, updated_at: since}"
WORD = "pa55 word"
GIVEN, TOKEN = "env:PASSWORD", "env:TOKEN"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the servers offer."""
    folder = tmp_path / "offered"
    for name, content in {
        "stores/a.csv": CSV, "stores/sub/b.csv.gz": "B", "stores/ü +.csv": "C", "stores/notes.md": "x", "stores/.hidden.csv": "x",
        "stores/c.csv.part": "x", "other/d.csv": "number,since\nS1,2026-01-01\n", "other/d.csv.map.yaml": MAP,
    }.items():  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
        os.utime(folder / name, (1.7e9, 1.7e9))
    return folder


class _Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        wanted = {f"Basic {base64.b64encode(f'ann:{WORD}'.encode()).decode()}", "Bearer t0ken"}
        if "secret" in self.path and self.headers.get("Authorization") not in wanted:
            self.send_error(401)
        elif "short" in self.path:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"a,b\n")
        else:
            super().do_GET()

    do_HEAD = do_GET

    def log_message(self, format: str, *values: object) -> None:
        pass


@pytest.fixture
def web(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an HTTPS server, whose certificate is trusted."""
    certificate = _certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("NO_PROXY", "*")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    handler = partial(_Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"https://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


def _certificate(folder: Path) -> Path:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


class _Login(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("ann", WORD)


@pytest.fixture
def sftp(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an SFTP server, whose key is known."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PASSWORD", WORD)
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    key = asyncssh.generate_private_key("ssh-ed25519")
    loop, ports = asyncio.new_event_loop(), []

    async def begin() -> None:
        server = await asyncssh.create_server(
            _Login, "127.0.0.1", 0, server_host_keys=[key],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder)),
        )  # fmt: skip
        ports.append(server.get_port())

    loop.run_until_complete(begin())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    (tmp_path / ".ssh").mkdir()
    public = key.export_public_key().decode()
    (tmp_path / ".ssh/known_hosts").write_text(f"[127.0.0.1]:{ports[0]} {public}")
    yield f"sftp://ann@127.0.0.1:{ports[0]}"
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


@pytest.fixture
def bucket(aws: str) -> str:
    name = f"in-{uuid.uuid4().hex[:8]}"
    boto3.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


def names(source: str, dataset: str | None = None, secret: str | None = None) -> list[str]:
    landed = land(source, dataset, secret=Secret(secret) if secret else None)
    return [f"{file.dataset}/{file.name.partition('-')[0]}" for file in landed]


def test_files_behind_https(web: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (landed,) = land(f"{web}/stores/a.csv?week=3#top")
    assert landed.path.read_text() == CSV
    assert names(f"{web}/stores/%C3%BC%20+.csv") == ["stores/ü +"]
    assert names(f"{web}/stores/") == ["stores/a", "stores/b", "stores/ü +"]
    assert names(f"{web}/stores/*.csv") == ["stores/a", "stores/ü +"]
    (mapped,) = land(f"{web}/other/d.csv", "stores")
    assert mapped.map and mapped.map.columns["store_id"] == "number"
    (folder / "stores/secret.csv").write_text("d")
    with pytest.raises(WorkFailed, match=r"secret\.csv can't be read: 401"):
        names(f"{web}/stores/secret.csv")
    monkeypatch.setenv("PASSWORD", WORD)
    monkeypatch.setenv("TOKEN", "t0ken")
    assert names(f"{web.replace('://', '://ann@')}/stores/secret.csv", secret=GIVEN) == ["stores/secret"]
    assert names(f"{web}/stores/secret.csv", secret=TOKEN) == ["stores/secret"]
    for source, told in {
        f"{web}/stores/gone.csv": "no file at .*/stores/gone.csv",
        f"{web}/stores/c.csv.part": "isn't that of a complete file",
        f"{web}/none/": "no file at|nothing to load",
        web.replace("://", "://ann:pw@"): "leave it out, and say --secret",
    }.items():
        with pytest.raises(UsageError, match=told) as caught:
            names(source)
        assert "pw@" not in str(caught.value)
    with pytest.raises((NotLanded, WorkFailed), match=r"short\.csv"):
        names(f"{web}/stores/short.csv")
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(WorkFailed, match=r"(?i)certificate"):
        names(f"{web}/stores/a.csv")


@pytest.fixture
def speaker() -> Iterator[Callable[[bytes], int]]:
    """Makes servers that answer whatever they are asked with some bytes, and returns their ports."""
    listening = []

    def start(answer: bytes) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        listening.append(server)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(4096)
                        connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        return int(server.getsockname()[1])

    yield start
    for server in listening:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


@pytest.mark.parametrize("pattern", ["a.csv", "*.csv"])
def test_why_a_server_cant_be_read_is_told_in_plain_words(
    web: str, speaker: Callable[[bytes], int], monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    port = free_port()
    other = speaker(b"HTTP/1.0 200 OK\r\n\r\n")
    monkeypatch.delenv("SSL_CERT_FILE")
    for address, why in {
        f"https://127.0.0.1:{port}": "Connection refused",
        f"https://127.0.0.1:{other}": "it doesn't answer as an HTTPS server does; is it http://?",
        f"http://127.0.0.1:{speaker(b'hello ')}": "it doesn't answer as an HTTP server does",
        web: "its certificate isn't trusted: self-signed certificate",
    }.items():
        with pytest.raises(WorkFailed) as caught:
            names(f"{address}/stores/{pattern}")
        assert str(caught.value) == f"{address}/stores/{pattern} can't be read: {why}"


def test_what_an_sftp_library_logs_stays_there(
    speaker: Callable[[bytes], int], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match="can't be read: Error reading SSH protocol banner"):
        names(f"sftp://127.0.0.1:{speaker(b'')}/stores/a.csv")
    assert capfd.readouterr().err == ""


def test_files_on_an_sftp_server(
    sftp: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert names(f"{sftp}/stores/a.csv", secret=GIVEN) == ["stores/a"]
    assert names(f"{sftp}/stores", secret=GIVEN) == ["stores/a", "stores/b", "stores/ü +"]
    assert names(f"{sftp}/*/*.csv", "stores", GIVEN) == ["stores/d", "stores/a", "stores/ü +"]
    for source, secret, told in [
        (f"{sftp}/stores/gone.csv", GIVEN, "nothing to load"),
        (f"{sftp}/stores/a.csv", "env:HOME", "(?i)authentication failed.*--secret"),
    ]:
        with pytest.raises(UsageError, match=told):
            names(source, secret=secret)
    grown = threading.Event()

    def write() -> None:
        with (folder / "stores/grows.csv").open("a") as file:
            while not grown.wait(0.05):
                file.write("b")
                file.flush()

    (folder / "stores/grows.csv").write_text("a")
    writer = threading.Thread(target=write)
    writer.start()
    try:
        with pytest.raises(NotLanded, match=r"grows\.csv changes: somebody still writes it"):
            names(f"{sftp}/stores/grows.csv", secret=GIVEN)
    finally:
        grown.set()
        writer.join()
    os.utime(folder / "stores/grows.csv", (1.7e9, 1.7e9))
    assert names(f"{sftp}/stores/grows.csv", secret=GIVEN) == ["stores/grows"]
    (tmp_path / ".ssh/known_hosts").unlink()
    with pytest.raises(UsageError, match=r"isn't in ~/.ssh/known_hosts"):
        names(f"{sftp}/stores/a.csv", secret=GIVEN)


def test_objects_of_a_bucket(bucket: str, folder: Path) -> None:
    s3 = boto3.client("s3")
    for path in filter(Path.is_file, folder.rglob("*")):
        s3.upload_file(str(path), bucket, f"in/{path.relative_to(folder)}")
    assert names(f"s3://{bucket}/in/stores/a.csv") == ["stores/a"]
    assert names(f"s3://{bucket}/in/stores/") == ["stores/a", "stores/b", "stores/ü +"]
    assert names(f"s3://{bucket}/in/**/*.csv", "stores") == ["stores/d", "stores/a", "stores/ü +"]
    (mapped,) = land(f"s3://{bucket}/in/other/d.csv", "stores")
    assert mapped.map
    with pytest.raises(UsageError, match="nothing to load"):
        names(f"s3://{bucket}/in/gone.csv")
    with pytest.raises(WorkFailed, match="NoSuchBucket"):
        names("s3://none-of-ours/in/")


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="no files are loaded from gopher://; from a path or https://"):
        names("gopher://host/a.csv")
