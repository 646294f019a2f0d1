"""A secret's value appears nowhere that a run leaves behind."""

from __future__ import annotations

import base64
import html
import json
import shlex
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import UsageError
from workbench.secrets.redact import BLOT, Redactor
from workbench.secrets.secret import Secret
from workbench.settings import Settings

VALUE = 'p"a&s/s\nword é'


def test_every_form_a_value_takes_is_blotted_out() -> None:
    redactor = Redactor([VALUE])
    for form in (
        VALUE,
        html.escape(VALUE),
        quote(VALUE),
        quote(VALUE, safe=""),
        json.dumps(VALUE)[1:-1],
    ):
        assert redactor.text(f"a {form} b") == f"a {BLOT} b"


def test_a_notebook_is_cleaned_and_stays_valid_whatever_the_secret_is() -> None:
    cell = nbformat.v4.new_code_cell("x = 'code'", outputs=[nbformat.v4.new_output("stream", text="code 5")])
    cell.outputs.append(nbformat.v4.new_output("display_data", {"application/json": {"code": ["code"]}}))
    cell.metadata["note"] = "code"
    node = nbformat.v4.new_notebook(cells=[cell])
    node.metadata["papermill"] = {"parameters": {"x": "code"}}
    clean = Redactor(["code"]).notebook(node)
    nbformat.validate(clean)
    assert "code" not in json.dumps([clean.cells[0].source, clean.cells[0].outputs, clean.metadata])
    assert node.cells[0].source == "x = 'code'"


SECRETS = st.text("abc&<'\"\\ é", min_size=4).filter(lambda value: value.strip() == value)


@given(SECRETS, st.text("xyz"))
def test_a_secret_goes_and_all_else_stays(value: str, around: str) -> None:
    assert Redactor([value]).text(around + value + around) == around + BLOT + around


@given(st.binary(max_size=9), SECRETS, st.binary(max_size=9))
def test_a_secret_goes_from_base64_wherever_it_begins(before: bytes, value: str, after: bytes) -> None:
    value = value * 2
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        text = Redactor([value]).text(encode(before + value.encode() + after).decode())
        assert BLOT in text
        # At most a character at each end, of the two that share its bits, is left.
        kept = len(encode(before)) + len(encode(after)) + 8
        assert len(text.replace(BLOT, "")) <= kept


def test_a_short_secret_goes_as_a_word_only() -> None:
    redactor = Redactor(["abc"])
    assert redactor.text("abc abcd (abc) YWJj") == f"{BLOT} abcd ({BLOT}) YWJj"


def test_a_secret_of_several_lines_goes_line_by_line() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADAN\n-----END KEY-----\n"
    assert "MIIEvQIBADAN" not in Redactor([key]).text("line 2 is MIIEvQIBADAN!")


@given(st.lists(st.sampled_from(["abcd", "abcdef", "bc", "a", "é", "x", " "]), max_size=40), st.data())
def test_a_text_in_pieces_loses_its_secrets_as_the_whole_does(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    redactor = Redactor(["abcd", "abcdef", "bc"])
    stream = redactor.stream()
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[first:last] for first, last in pairwise([0, *places, len(text)])]
    assert "".join([*map(stream.feed, pieces), stream.finish()]) == redactor.text(text)


def test_a_secret_added_later_goes_from_then_on() -> None:
    redactor = Redactor()
    assert redactor.text("token-123") == "token-123"
    redactor.add("token-123")
    assert redactor.text("token-123") == BLOT


def test_a_secret_is_read_from_a_file_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hunter2\n")
    assert Secret(f"file:{tmp_path / 'token'}").reveal() == "hunter2"
    with pytest.raises(UsageError, match="there is no such file"):
        Secret(f"file:{tmp_path / 'other'}").reveal()


def test_what_is_no_reference_is_not_repeated_in_the_error() -> None:
    with pytest.raises(UsageError) as error:
        Secret("hunter2")
    assert "hunter2" not in str(error.value) and "env:NAME" in str(error.value)


@pytest.fixture
def secrets_manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of a Secrets Manager that answers over HTTP."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    yield boto3.client("secretsmanager")
    # The server keeps its state for the whole process.
    urlopen(Request(f"http://{host}:{port}/moto-api/reset", method="POST")).close()
    server.stop()


def test_a_secret_is_read_from_aws_secrets_manager(secrets_manager: Any) -> None:
    secrets_manager.create_secret(Name="shop/token", SecretString="hunter2")
    secrets_manager.create_secret(Name="shop/login", SecretString='{"user": "ann", "password": "hunter3"}')
    assert Secret("aws:shop/token").reveal() == "hunter2"
    assert Secret("aws:shop/login#password").reveal() == "hunter3"
    with pytest.raises(UsageError, match="has no entry 'pass'"):
        Secret("aws:shop/login#pass").reveal()
    with pytest.raises(UsageError, match="has no shop/other"):
        Secret("aws:shop/other").reveal()


def test_a_secret_never_shows_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "hunter2")
    secret = Secret("env:SHOP_TOKEN")
    assert "hunter2" not in f"{secret} {secret!r}" and secret.reveal() == "hunter2"


LONG = "hunter2&<b>\"'s\\3cret/+wörd 😀 of the shop, which is longer than a column of a table"
SHOWN = {
    "html without quotes": html.escape(LONG, quote=False),
    "html of Jinja": LONG.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;").replace("'", "&#39;"),
    "html twice": html.escape(html.escape(LONG)),
    "decimal entities": "".join(f"&#{ord(char)};" for char in LONG),
    "hex entities": "".join(f"&#x{ord(char):X};" for char in LONG),
    "percent, lower case": quote(LONG, safe="").lower(),
    "percent, twice": quote(quote(LONG, safe=""), safe=""),
    "every byte in percent": "".join(f"%{byte:02x}" for byte in LONG.encode()),
    "hex, upper case": LONG.encode().hex().upper(),
    "JSON": json.dumps(LONG),
    "JSON in JSON in JSON": json.dumps(json.dumps(json.dumps(LONG))),
    "JSON of PHP": json.dumps(LONG).replace("/", "\\/"),
    "repr": repr(LONG),
    "repr of bytes": repr(LONG.encode()),
    "ascii": ascii(LONG),
    "unicode escapes": "".join(f"\\u{ord(char):04X}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}" for char in LONG),
    "UTF-8 taken for Latin-1": LONG.encode().decode("latin-1"),
    "UTF-8 taken for Latin-1, in JSON": json.dumps(LONG.encode().decode("latin-1")),
    "SQL": "'" + LONG.replace("'", "''") + "'",
    "CSV": '"' + LONG.replace('"', '""') + '"',
    "CSV in repr": repr('"' + LONG.replace('"', '""') + '"'),
    "a shell's word": shlex.quote(LONG),
    "a shell's word in repr": repr(shlex.quote(LONG)),
    "a shell's trace": "'" + LONG.replace("'", "'\\''") + "'",
    "wrapped": "\n".join(LONG[at:at + 20] for at in range(0, len(LONG), 20)),
    "base64 of lines": base64.encodebytes(LONG.encode()).decode(),
    "base64, wrapped in repr": repr(base64.encodebytes(b"x" + LONG.encode()).decode()),
    "cut off": LONG[:47] + "...",
    "cut off in HTML": html.escape(LONG[:47]) + "…",
    "cut in the middle": LONG[:20] + "..." + LONG[-20:],
    "cut by a hard limit": LONG[:60],
}  # fmt: skip


@pytest.mark.parametrize("form", SHOWN)
def test_a_secret_goes_in_whatever_form_it_shows(form: str) -> None:
    text = Redactor([LONG]).text(f"before {SHOWN[form]} after")
    assert text.startswith("before ") and text.endswith(" after") and BLOT in text
    assert len(text.replace(BLOT, "")) < len("before  after") + 20, text


def test_of_a_secret_taken_for_latin_1_its_last_character_goes_too() -> None:
    secret = "hunter2-of-the-cafß"  # noqa: S105  nobody's
    for shown in (secret.encode().decode("latin-1"), ascii(secret.encode().decode("latin-1"))[1:-1]):
        assert Redactor([secret]).text(f"before {shown} after") == f"before {BLOT} after"


@pytest.mark.parametrize("secret", ["it''s-a-'-\"\"secret'", "'quoted-secret'", '""\'pass\'"word'])
def test_quotes_of_a_secret_may_be_doubled_beside_quotes_that_are_not_its(secret: str) -> None:
    single, double = secret.replace("'", "''"), secret.replace('"', '""')
    for text in (
        secret,
        single,
        double,
        repr(secret),
        json.dumps(single),
        json.dumps(double),
        shlex.quote(secret),
    ):
        shown = Redactor([secret]).text(f"'{text}'").replace(BLOT, "")
        assert not set(shown) - set("'\"\\"), shown


def test_text_that_only_resembles_a_secret_stays() -> None:
    redactor = Redactor(["hunter2-of-the-shop", "pass"])
    for text in ("hunter2", "a hunter...", "pas s", "… shops", "hunt\ner", "of-the-shop", "p&#97;th"):
        assert redactor.text(text) in (text, text.replace("hunter...", f"{BLOT}...")), text


def test_a_large_text_is_read_fast() -> None:
    redactor = Redactor([LONG, "postgres-password", "token-of-the-shop-1234"])
    text = "An ordinary line of a log with numbers 1,234.56 and & < > marks.\n" * 20_000
    started = time.perf_counter()
    assert redactor.text(text) == text
    assert time.perf_counter() - started < 10


def test_passwords_of_urls_and_of_mlflows_clients_are_secrets(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARTNER_URL", "https://ann:of-the%2Dindex@partner.example/files")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "of-the-stages")
    given = settings.model_copy(
        update={
            "mlflow_tracking_uri": "https://ann:of-mlflow@mlflow.example",
            "queue_url": "sqs://x:of-the-queue@q",
        }
    )
    assert {"of-mlflow", "of-the-queue", "of-the-index", "of-the%2Dindex", "of-the-stages"} <= set(
        given.secrets
    )
    assert "of-mlflow" not in Redactor(given.secrets).text(f"MLflow at {given.mlflow_uri}: no answer")
