"""Whatever cells print, show and raise is told and kept, in a valid notebook of bounded size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.execution.kernels.conftest import Run
from tests.execution.kernels.outcomes import kept, text_of


def test_a_flood_of_prints_is_bounded_with_a_note(execute: Run, tmp_path: Path, kind: str) -> None:
    outcome = execute("for i in range(20_000):\n    print('line', i)", kind=kind)
    lines = text_of(outcome).splitlines()
    assert lines[0] == "line 0" and "line 19999" in lines and len(lines) < 3_000
    assert any("lines left out" in line for line in lines)
    assert (tmp_path / "out" / "a.ipynb").stat().st_size < 200_000


def test_a_progress_bar_is_one_line(execute: Run, kind: str) -> None:
    outcome = execute("from tqdm import tqdm\nfor _ in tqdm(range(300), mininterval=0):\n    pass", kind=kind)
    lines = [line for line in text_of(outcome).splitlines() if line.strip()]
    assert len(lines) == 1 and "300/300" in lines[0]


def test_a_flood_of_displays_is_bounded_with_a_note(execute: Run) -> None:
    outcome = execute("for i in range(5_000):\n    display(i)")
    assert outcome.error is None
    outputs = next(cell.outputs for cell in outcome.node.cells if cell.get("outputs"))
    assert len(outputs) == 1_001 and "4,000 further outputs left out" in outputs[-1].text


LIES = """\
class Lies(Exception):
    def _render_traceback_(self): return {rendered}
raise Lies('enough')"""


DISPLAYED = """\
class Value:
    def {method}(self, **options): {body}
Value()"""


FAILURES = {
    LIES.format(rendered="None"): "Lies: enough",
    LIES.format(rendered="5"): "Lies: enough",
    LIES.format(rendered="[5, None]"): "Lies: enough",
    DISPLAYED.format(method="__repr__", body="raise ValueError('bad repr')"): "ValueError: bad repr",
    DISPLAYED.format(method="_repr_html_", body="raise ValueError('bad html')"): "ValueError: bad html",
    DISPLAYED.format(method="__repr__", body="return None"): "TypeError: __repr__ returned non-string",
    "class E(Exception):\n    def __str__(self): raise RuntimeError('no text')\nraise E": "RuntimeError: no text",
    "class E(BaseException): pass\nraise E('base')": "E: base",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "raise ExceptionGroup('both', [ValueError(1), TypeError(2)])": "ExceptionGroup: both (2 sub-exceptions)",
    "a = (": "SyntaxError: incomplete input",
    "raise ValueError('caf\\udce9 \\ud800')": "ValueError: caf\ufffd \ufffd",
    "a = []; a.append(a); display({'application/json': a}, raw=True)": "ValueError: Circular reference",
}


@pytest.mark.parametrize("source", FAILURES)
def test_whatever_an_error_is_the_end_and_the_notebook_tell_of_it(
    execute: Run, tmp_path: Path, source: str
) -> None:
    outcome = execute("print('before')", source, "print('after')")
    assert outcome.reason == "error" and (outcome.error or "").startswith(FAILURES[source])
    node = kept(tmp_path)
    assert (node.metadata.workbench.state, node.metadata.workbench.error) == ("failed", outcome.error)
    assert "before" in text_of(outcome) and "after" not in text_of(outcome)
    statuses = {cell.source: cell.metadata.papermill.status for cell in node.cells}
    assert statuses[source] == "failed" and statuses["print('after')"] == "pending"


@pytest.mark.parametrize(
    "source", [LIES.format(rendered="None"), DISPLAYED.format(method="__repr__", body="1/0")]
)
def test_a_fresh_kernel_tells_of_odd_errors_too(execute: Run, source: str) -> None:
    outcome = execute(source, kind="kernel")
    assert outcome.error in ("Lies: enough", "ZeroDivisionError: division by zero")


ODD_OUTPUTS = {
    "print(os.fsdecode(b'caf\\xe9.csv'), '\\ud800', file=sys.stderr)": "caf\ufffd.csv \ufffd",
    "print(os.fsdecode('café.csv'.encode()).encode('utf-8').decode('ascii', 'surrogateescape'))": "café.csv",
    "display({'text/html': '<b>\\udce9</b>', 'text/plain': 5, 'image/png': b'x'}, raw=True)": "<b>\ufffd</b>",
    "display({'application/json': {'a': float('nan'), 'b': 10 ** 400}}, raw=True)": '"nan"',
    "a = []\nfor _ in range(400): a = [a]\ndisplay({'application/json': a}, raw=True)": "nested too deeply",
    "display({5: 'five', None: 'none', 'text/plain': 'plain'}, raw=True)": "five",
    "display({'text/plain': 'x'}, metadata={'text/plain': {5: b'x', 'n': float('inf')}}, raw=True)": '"inf"',
    "from workbench.execution.notebook.recording import MIME\n"
    "display({MIME: {'counts': 5, 'tables': {'a': 'x', 'b': 7}, 'mlflow_run_ids': 1}}, raw=True)": '"b": 7',
}


@pytest.mark.parametrize("source", ODD_OUTPUTS)
def test_whatever_a_cell_shows_is_kept_in_a_valid_notebook(execute: Run, tmp_path: Path, source: str) -> None:
    outcome = execute(source, "print('after')")
    assert outcome.error is None, outcome.error
    assert ODD_OUTPUTS[source] in json.dumps(kept(tmp_path).cells, ensure_ascii=False)
    assert "after" in text_of(outcome)
    for line in (tmp_path / "out" / "a.journal.jsonl").read_bytes().splitlines():
        json.loads(line)


CAPTURE = """
import comm, sys
class Capture:
    def __init__(self):
        state = {"_model_name": "OutputModel", "_model_module": "@jupyter-widgets/output", "outputs": []}
        self.comm = comm.create_comm("jupyter.widget", {"state": state, "buffer_paths": [["icon"]]}, buffers=[b"x"])
        self.comm.on_msg(self.take)
    def take(self, message):
        self.outputs = message["content"]["data"]["state"]["outputs"]
        print("heard by nobody")
    def send(self, **state):
        sys.stdout.flush()
        self.comm.send({"method": "update", "state": state, "buffer_paths": []})
    def __enter__(self):
        self.send(msg_id=get_ipython().kernel.get_parent()["header"]["msg_id"])
    def __exit__(self, kind, error, where):
        if kind:
            get_ipython().showtraceback((kind, error, where), tb_offset=0)
        self.send(msg_id="")
        return True
out, inner = Capture(), Capture()
"""


def test_a_widget_captures_outputs_and_the_cell_keeps_its_own(
    execute: Run, tmp_path: Path, kind: str
) -> None:
    def short(outputs: list[Any]) -> list[Any]:
        return [
            each.get("text") or each.get("ename") or each["data"]["text/plain"]
            for each in outputs
        ]  # fmt: skip

    outcome = execute(
        CAPTURE,
        "print('before')\nwith out:\n    print('in it')\n    display(1)\n    with inner:\n        print('deeper')\n"
        "    print('in it again')\nprint('after')",
        "[each.get('text') for each in out.outputs], inner.outputs[0]['text']",
        "from IPython.display import clear_output\nprint('stays')\nwith out:\n    clear_output(wait=True)\n"
        "    print('alone')\n    1 / 0\nprint('goes on')",
        "with inner:\n    clear_output()",
        "[each.get('ename') for each in out.outputs], inner.outputs",
        kind=kind,
    )
    assert outcome.error is None, outcome.error
    shown = [short(cell.outputs) for cell in outcome.node.cells if cell.get("outputs")]
    assert shown == [
        ["before\nafter\n"], ["(['in it\\n', None, 'in it again\\n'], 'deeper\\n')"], ["stays\ngoes on\n"],
        ["([None, 'ZeroDivisionError'], [])"], ["'the end'"],
    ]  # fmt: skip
    models = list(kept(tmp_path).metadata.widgets["application/vnd.jupyter.widget-state+json"].state.values())
    assert sorted(short(model.state.outputs) for model in models) == [[], ["alone\n", "ZeroDivisionError"]]
    assert [model.buffers[0] for model in models] == [
        {"data": "eA==", "encoding": "base64", "path": ["icon"]}
    ] * 2


def test_a_value_revealed_in_passing_is_nowhere_in_what_is_kept(execute: Run, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOP_TOKEN", "hunter2-and-more")
        outcome = execute(
            "value = Secret('env:SHOP_TOKEN').reveal()\nprint(value)",
            "for letter in value:\n    print(letter, end='', flush=True)",
            "base64.b64encode(b'user:' + value.encode())",
            "raise ValueError(value)",
            imports="import base64\nfrom workbench.execution import Secret",
        )
    assert outcome.error == "ValueError: [redacted]"
    kept_bytes = b"".join(path.read_bytes() for path in (tmp_path / "out").iterdir())
    assert (
        b"hunter2" not in kept_bytes and b"aHVudGVyMi" not in kept_bytes and b"h1bnRlcjIt" not in kept_bytes
    )
    assert kept_bytes.count(b"[redacted]") >= 6
