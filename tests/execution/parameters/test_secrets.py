"""Secrets from every source, shown in every form: nothing that a run leaves behind holds them."""

from __future__ import annotations

import base64
import copy
import html
import json
import os
import pickle
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from tests.execution.notebooks import notebook
from tests.secrets.test_redact import secrets_manager  # noqa: F401  a fixture
from workbench.errors import UsageError
from workbench.execution import run_notebook
from workbench.secrets.secret import Secret
from workbench.settings import Settings

FROM_ENVIRONMENT = 'pa"ss & <wörd>/+1'
FROM_FILE = "-----BEGIN KEY-----\nMIIEvQIBADANsecretline1\nZZtopSecretLine2\n-----END KEY-----\n"
FROM_AWS = "hunter3-of-aws"

PARAMETERS = """\
one: Secret = Secret("env:SHOP_TOKEN")  # of the shop
many: dict[str, Secret] = {}  # further ones
"""
IMPORTS = """\
import base64, html, json, logging, sys
from urllib.parse import quote, quote_plus
from IPython.display import HTML, JSON, Markdown, display
from workbench.execution import Secret, record
"""
SHOW = """\
values = [one.reveal(), *(each.reveal() for each in many.values())]
for value in values:
    print(value, repr(value), json.dumps(value), html.escape(value), quote(value), quote_plus(value))
    print(quote(value, safe=""), value.encode().hex(), [value], value.splitlines())
    for lead in (b"", b"a", b"ab"):
        print(base64.b64encode(lead + value.encode() + b"z"), base64.urlsafe_b64encode(lead + value.encode()))
"""
DISPLAY = """\
for value in values:
    print(value, file=sys.stderr)
    logging.warning("it is %s", value)
    display(value, HTML(f"<b>{html.escape(value)}</b>"), JSON({"k": [value]}), Markdown(value))
"""
SLOWLY = """\
for letter in values[0]:
    print(letter, end="", flush=True)
"""


def forms(value: str) -> list[bytes]:
    """Return how the value, or the greater part of it, would be found in bytes."""
    lines = value.splitlines()
    whole = [value] if len(lines) == 1 else lines[1:-1]
    found = [
        form(text)
        for text in whole
        for form in (
            str, html.escape, quote, quote_plus, lambda text: json.dumps(text)[1:-1],
            lambda text: repr(text)[1:-1], lambda text: text.encode().hex(),
        )
    ]  # fmt: skip
    data = value.encode()
    for lead in (b"", b"a", b"ab"):
        encoded = base64.b64encode(lead + data).decode()
        found += [encoded[4:-4], encoded[4:-4].replace("+", "-").replace("/", "_")]
    return [text.encode() for text in found]


def test_a_notebook_that_prints_its_secrets_in_every_form_leaves_no_trace_of_them(
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    secrets_manager: Any,  # noqa: F811
) -> None:
    secrets_manager.create_secret(Name="shop/login", SecretString=json.dumps({"password": FROM_AWS}))
    monkeypatch.setenv("SHOP_TOKEN", FROM_ENVIRONMENT)
    (tmp_path / "key.pem").write_text(FROM_FILE)
    path = notebook(
        tmp_path / "a.ipynb", SHOW, DISPLAY, SLOWLY, "raise ValueError(values)",
        parameters=PARAMETERS, imports=IMPORTS,
    )  # fmt: skip
    run = run_notebook(
        path, {"many": {"file": f"file:{tmp_path / 'key.pem'}", "aws": "aws:shop/login#password"}}
    )
    assert run.state == "failed" and run.error is not None and "[redacted]" in run.error
    left = {each: each.read_bytes() for each in settings.home.rglob("*") if each.is_file()}
    assert {".ipynb", ".json", ".html"} <= {each.suffix for each in left}
    for value in (FROM_ENVIRONMENT, FROM_FILE, FROM_AWS):
        for form in forms(value):
            holding = [str(each) for each, content in left.items() if form in content]
            assert not holding, (form, holding)
    assert b"".join(left.values()).count(b"[redacted]") > 50


def test_a_secret_is_copied_and_stored_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "hunter2")
    secret = Secret("env:SHOP_TOKEN")
    assert secret.reveal() == "hunter2"
    stored = pickle.dumps(secret)
    assert b"hunter2" not in stored and pickle.loads(stored) == copy.copy(secret) == secret  # noqa: S301
    assert "hunter2" not in f"{secret!s}{secret!r}{secret}{secret.__dict__}"
    with pytest.raises(TypeError):
        json.dumps(secret)


def test_what_a_file_cannot_give_is_said_clearly(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="can't be read: it is no UTF-8 text"):
        Secret(f"file:{tmp_path / 'binary'}").reveal()
    with pytest.raises(UsageError, match="can't be read: Is a directory"):
        Secret(f"file:{tmp_path}").reveal()


def test_a_file_of_somebody_else_is_said_to_be_closed(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("hunter2")
    file.chmod(0)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
        with pytest.raises(UsageError, match="can't be read: Permission denied"):
            Secret(f"file:{file}").reveal()
    finally:
        if root:
            os.seteuid(0)


def test_the_password_of_the_warehouse_leaves_no_trace_either(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_REDSHIFT_PASSWORD", FROM_ENVIRONMENT)
    shown = 'import os\nprint(os.environ["WORKBENCH_REDSHIFT_PASSWORD"])'
    run = run_notebook(notebook(tmp_path / "a.ipynb", shown))
    assert run.state == "succeeded", run.error
    left = {each: each.read_bytes() for each in settings.home.rglob("*") if each.is_file()}
    for form in forms(FROM_ENVIRONMENT):
        assert not [str(each) for each, content in left.items() if form in content]
    assert b"".join(left.values()).count(b"[redacted]") >= 2
