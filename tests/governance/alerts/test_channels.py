"""Each way out against a real server: what arrives, what is refused, and that no secret shows."""

from __future__ import annotations

import json
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from tests.governance.alerts.receivers import Mailbox, Webhook, dripping, free_port, mailbox
from workbench.errors import UsageError, WorkFailed
from workbench.governance.alerts.alert import Raised
from workbench.governance.alerts.channels.address import split_channels
from workbench.governance.alerts.channels.base import Unreachable
from workbench.governance.alerts.channels.connect import connect_channel
from workbench.governance.alerts.notifications import Notification, notification_of
from workbench.governance.alerts.recorded import now
from workbench.settings import Settings, get_settings

SECRET = "s3cr3t/of+ours"  # noqa: S105  nobody's


def notification(
    text: str = "Sales of Füssen are three times what they were", subject: str = "Füssen"
) -> Notification:
    alert = Raised("a" * 32, "r1", now(), "sales_anomaly", "critical", subject, text)
    return notification_of([alert], "anywhere")


@pytest.fixture
def warehouse() -> None:
    """Nothing here needs one, so nothing here runs on both engines."""


def test_a_mail_has_the_text_and_the_links_and_a_stable_id(mail: Mailbox, settings: Settings) -> None:
    channel = connect_channel(
        f"smtp://127.0.0.1:{mail.port}/?from=bench@shop.example&to=a+b@shop.example&to=c@shop.example"
    )
    at = settings.model_copy(
        update={"reports_url": "https://reports.example", "docs_url": "https://docs.example"}
    )
    for _ in range(2):
        channel.send(notification(), at)
    got, again = mail.got
    assert mail.recipients[0] == ["a+b@shop.example", "c@shop.example"]
    assert (got["From"], got["Subject"]) == ("bench@shop.example", "[critical] sales_anomaly: Füssen")
    assert got["Message-ID"] == again["Message-ID"] == f"<{notification().notification_id}@workbench>"
    text = got.get_content()
    assert "Sales of Füssen are three times what they were" in text
    assert "Report: https://reports.example/r1/index.html" in text
    assert "Runbook: https://docs.example/operations/alerts.md#sales_anomaly" in text


def test_a_subject_with_line_breaks_adds_no_header(mail: Mailbox, settings: Settings) -> None:
    channel = connect_channel(f"smtp://127.0.0.1:{mail.port}/?from=a@b.example&to=c@d.example")
    channel.send(notification(subject="evil\r\nBcc: all@d.example"), settings)
    assert mail.recipients == [["c@d.example"]] and mail.got[0]["Bcc"] is None
    assert "evil\\r\\nBcc" in mail.got[0]["Subject"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of localhost, with its key behind it."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            "-keyout", folder / "key.pem", "-out", folder / "cert.pem",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture
def safe_mail(certificate: Path) -> Iterator[Mailbox]:
    """A mailbox that offers TLS, and wants a login."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    with mailbox(context) as taken:
        yield taken


def test_a_password_goes_over_tls_and_is_looked_up_as_it_is_needed(
    safe_mail: Mailbox, certificate: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"smtp://bench%40shop:{{env:MAIL_PASSWORD}}@localhost:{safe_mail.port}/?from=a@b.example&to=c@d.example"
    channel = connect_channel(url)
    assert "MAIL_PASSWORD" not in channel.name and "bench" not in channel.name
    with pytest.raises(UsageError, match="MAIL_PASSWORD isn't set"):
        connect_channel(url).send(notification(), settings)
    monkeypatch.setenv("MAIL_PASSWORD", SECRET)
    with pytest.raises(Unreachable, match="certificate"):
        channel.send(notification(), settings)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    channel.send(notification(), settings)
    assert safe_mail.logins == [("bench@shop", SECRET)] and len(safe_mail.got) == 1


def test_a_password_is_not_given_to_a_server_without_tls(
    mail: Mailbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", SECRET)
    channel = connect_channel(
        f"smtp://u:{{env:MAIL_PASSWORD}}@localhost:{mail.port}/?from=a@b.example&to=c@d.example"
    )
    with pytest.raises(Unreachable, match="no TLS") as caught:
        channel.send(notification(), settings)
    assert SECRET not in str(caught.value) and not mail.got and not mail.logins


@pytest.mark.parametrize(
    ("address", "beginning", "told"),
    [
        ("http://127.0.0.1:{}/hook", b"HTTP/1.", "no answer within 1 s"),
        ("smtp://127.0.0.1:{}/?from=a@b.example&to=c@d.example", b"220-", "not done within 1 s"),
    ],
    ids=["webhook", "mail"],
)
def test_a_server_that_drips_is_left_in_time(
    address: str, beginning: bytes, told: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("webhook", "email"):
        monkeypatch.setattr(f"workbench.governance.alerts.channels.{module}.LONGEST", 1.0)
    with dripping(beginning) as port, pytest.raises(Unreachable, match=told):
        connect_channel(address.format(port)).send(notification(), settings)


@pytest.mark.parametrize("end", [b"X-Header: ", b"\r\n"], ids=["header", "body"])
def test_a_status_is_enough_whatever_drips_behind_it(
    end: bytes, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.governance.alerts.channels.webhook.LONGEST", 1.0)
    with dripping(b"HTTP/1.1 200 OK\r\n" + end) as port:
        begun = time.monotonic()
        connect_channel(f"http://127.0.0.1:{port}/hook").send(notification(), settings)
        assert time.monotonic() - begun < 8


def test_a_mail_that_is_refused_says_why(mail: Mailbox, settings: Settings) -> None:
    mail.refuses = "554 no alerts here"
    channel = connect_channel(f"smtp://127.0.0.1:{mail.port}/?from=a@b.example&to=c@d.example")
    with pytest.raises(WorkFailed, match="554 no alerts here") as caught:
        channel.send(notification(), settings)
    assert not isinstance(caught.value, Unreachable)


def test_a_webhook_gets_its_secrets_and_nobody_else_does(
    hook: Webhook, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOOK", "T0/B1/" + "x" * 24)
    (tmp_path / "password").write_text(SECRET + "\n")
    host = hook.url.removeprefix("http://")
    written = f"http://bench:{{file:{tmp_path}/password}}@{host}/services/{{env:HOOK}}"
    channel = connect_channel(written)
    channel.send(notification(), settings)
    assert hook.paths == ["/services/T0/B1/" + "x" * 24]
    assert hook.headers[0]["Authorization"] == "Basic YmVuY2g6czNjcjN0L29mK291cnM="
    assert channel.name == written
    hook.status = 500
    with pytest.raises(Unreachable, match="500") as caught:
        channel.send(notification(), settings)
    assert "xxxx" not in str(caught.value) and SECRET not in str(caught.value)
    assert SECRET not in json.dumps(hook.got)


def test_an_address_that_is_a_secret_as_it_stands_shows_its_host_alone(
    hook: Webhook, settings: Settings
) -> None:
    channel, other = (connect_channel(f"{hook.url}/services/{name}") for name in ("T0token", "T1token"))
    assert channel.name.startswith(f"{hook.url}/…") and "T0token" not in channel.name != other.name
    hook.status = 403
    with pytest.raises(Unreachable) as caught:
        channel.send(notification(), settings)
    assert "T0token" not in str(caught.value)


def test_a_webhook_that_sends_elsewhere_is_not_followed(hook: Webhook, settings: Settings) -> None:
    hook.status = 307
    with pytest.raises(Unreachable, match="307"):
        connect_channel(f"{hook.url}/in").send(notification(), settings)
    assert hook.paths == ["/in"]


def test_a_topic_gets_text_for_people_and_json_for_queues(aws: str, settings: Settings) -> None:
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    for fifo in ("", ".fifo"):
        extra = {"Attributes": {"FifoTopic": "true"}} if fifo else {}
        topic = sns.create_topic(Name=f"alerts{fifo}", **extra)["TopicArn"]
        extra = {"Attributes": {"FifoQueue": "true"}} if fifo else {}
        queue = sqs.create_queue(QueueName=f"alerts{fifo}", **extra)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        channel = connect_channel(f"sns:{topic}")
        channel.send(notification(), settings)
        assert channel.name == f"sns:{topic}"
        (got,) = sqs.receive_message(QueueUrl=queue)["Messages"]
        envelope = json.loads(got["Body"])
        assert envelope["Subject"] == "[critical] sales_anomaly: F?ssen"
        assert envelope["MessageAttributes"]["severity"]["Value"] == "critical"
        assert envelope["MessageAttributes"]["notification_id"]["Value"] == notification().notification_id
        content = json.loads(envelope["Message"])
        assert content["alerts"][0]["message"] == "Sales of Füssen are three times what they were"


def test_a_topic_that_is_not_there_is_named(aws: str, settings: Settings) -> None:
    with pytest.raises(Unreachable, match="sns:arn:aws:sns:eu-west-1:123456789012:absent"):
        connect_channel("sns:arn:aws:sns:eu-west-1:123456789012:absent").send(notification(), settings)


@pytest.mark.parametrize("profile", ["local", "aws"])
def test_the_log_has_a_line_a_message(
    profile: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_PROFILE", profile)
    connect_channel("log:").send(notification("two\nlines"), get_settings())
    (line,) = capsys.readouterr().err.splitlines()
    if profile == "aws":
        found = json.loads(line)
        assert found["level"] == "error" and found["alert"]["alerts"][0]["message"] == "two\nlines"
    else:
        assert line.startswith("alert [critical] sales_anomaly: Füssen: two\\nlines (")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("pager:me", "begins with 'pager'"),
        ("sns:alerts", "ARN of a topic"),
        ("smtp://host/?to=a@b", "from=ADDRESS"),
        ("smtp://host/?from=a@b", "to=ADDRESS"),
        ("smtp://host/?from=a@b&to=c@d&cc=e@f", "'cc'"),
        ("smtp://:25/?from=a@b&to=c@d", "HOST"),
        ("smtp://u:hunter2@host/?from=a@b&to=c@d", "by reference"),
        ("https://u:hunter2@host/", "by reference"),
        ("https:///path", "https://HOST/PATH"),
        ("https://host:hunter2/", "isn't a URL"),
        ("http://host.example/{env:TOKEN}", "in the clear"),
    ],
)
def test_another_address_is_refused_with_what_would_be_right(url: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        connect_channel(url)
    assert "hunter2" not in str(caught.value)


def test_commas_between_and_none_inside_of_references() -> None:
    assert split_channels(" log:, https://h/{file:/a,b} ,,log:") == ["log:", "https://h/{file:/a,b}"]


def test_a_server_that_is_not_there_is_unreachable(settings: Settings) -> None:
    port = free_port()
    for url in (f"smtp://127.0.0.1:{port}/?from=a@b&to=c@d", f"http://127.0.0.1:{port}/"):
        with pytest.raises(Unreachable, match="refused"):
            connect_channel(url).send(notification(), settings)
