"""``papermill --engine workbench`` beside papermill's own engine: equal, but where that one is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.execution.papermill.both import execute, plain, write

EQUAL: dict[str, Sequence[str]] = {
    "streams": ["print('a')\nprint('b')", "import sys\nprint('o')\nprint('e', file=sys.stderr)"],
    "unicode": ["print('café', '日本', '\\U0001f40d')", "#md Überschrift", "'naïve'"],
    "error": ["1", "raise ValueError('née')", "print('never')"],
    "syntax": ["a = (", "print('never')"],
    "nested": ["def f(x):\n    return 1 / x", "f(0)"],
    "interrupt": ["raise KeyboardInterrupt", "print('never')"],
    "exit 1": ["import sys\nsys.exit(1)", "print('never')"],
    "displays": [
        "from IPython.display import HTML, JSON, Markdown, display\n"
        "display(HTML('<b>x</b>'), JSON({'a': [1]}), Markdown('*m*'))\n"
        "display({'text/plain': 'p', 'application/vnd.ours+json': {'k': 1}}, raw=True)"
    ],
    "display ids": [
        "from IPython.display import display\nh = display('one', display_id='d')",
        "h.update('two')\nprint('x')",
        "display('three', display_id='d', metadata={'text/plain': {'k': 1}})",
    ],
    "clear": [
        "from IPython.display import clear_output\nprint('gone')\nclear_output(wait=True)\nprint('kept')",
        "print('gone')\nclear_output()",
    ],
    "frames": ["import pandas as pd\npd.DataFrame({'a': [1, 2], 'b': ['x', None]})"],
    "magic": [
        "%%writefile -a /dev/null\nhello",
        "!echo shell",
        "%%bash\necho bash",
        "%cd -q .",
        "x = %who_ls\nx",
    ],
    "await": ["import asyncio\nawait asyncio.sleep(0.01)\n'awaited'"],
    "empty": ["", "#md text", "   \n", "1"],
    "underscores": ["7", "_ + _1", "Out[1]", "len(In)"],
    "semicolon": ["5;", "6"],
    "silence": ["!true", "print(end='')", "import sys\nsys.stderr.write('')\nsys.stdout.flush()"],
    "long lines": ["print('x' * 250_000)\nprint('after')"],
    "process": [
        "import os, signal, subprocess, sys\nsys.path, 'JPY_PARENT_PID' in os.environ",
        "[signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGCHLD)]",
        "done = subprocess.Popen(['true'], stdin=subprocess.PIPE)\ndone.wait()\n"
        "try:\n    os.write(done.stdin.fileno(), b'x')\nexcept BrokenPipeError as error:\n    print(error)",
    ],
    "matplotlib": [
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.get_backend()",
        "%matplotlib\n%matplotlib --list\n%gui",
        "%config InlineBackend.figure_format = 'svg'\n%config InlineBackend.figure_format = 'retina'",
        "%matplotlib agg\nplt.get_backend()",
        "%pylab inline\nplot([2, 1]);",
        "%matplotlib no-such-thing",
    ],
    "kernel": [
        "from ipykernel.kernelapp import IPKernelApp\nfrom ipykernel.kernelbase import Kernel\n"
        "ip, app = get_ipython(), IPKernelApp.instance()\nkernel = ip.kernel\n"
        "kernel is Kernel.instance() is app.kernel, app.shell is ip, 'IPKernelApp' in ip.config, ip.parent is kernel",
        "import ipykernel, json, sys\nfile = ipykernel.get_connection_file()\n"
        "sys.argv[2] == file, sorted(ipykernel.get_connection_info(unpack=True)), sys.argv[1]",
        "parent = kernel.get_parent()\nparent['msg_type'], sorted(parent['header']), parent['content']['code'][:6]",
        "import asyncio, threading\nawait asyncio.sleep(0)\n"
        "kernel.io_loop.asyncio_loop is asyncio.get_running_loop(), kernel.shell_stream is not None",
        "from ipykernel.iostream import OutStream\n"
        "[(isinstance(each, OutStream), each.name, each.encoding, type(each).__module__)\n"
        " for each in (sys.stdout, sys.stderr)]",
        "kernel.session.send(kernel.iopub_socket, 'display_data', {'data': {'text/plain': 'sent'}, 'metadata': {}},"
        " parent=kernel.get_parent())\n"
        "own = OutStream(kernel.session, kernel.iopub_thread, 'stdout', watchfd=False)\n"
        "own.set_parent(kernel.get_parent())\nprint('by a stream of its own', file=own, flush=True)",
        "import comm\ncomm.get_comm_manager() is kernel.comm_manager, kernel.kernel_info['implementation']",
        "def mark(message):\n    message['content']['data']['text/plain'] += ', hooked'\n    return message\n"
        "ip.display_pub.register_hook(mark)\ndisplay('shown')\nip.display_pub.unregister_hook(mark)",
        "input('Name?')",
    ],
}


@pytest.mark.parametrize("name", EQUAL)
def test_a_notebook_comes_out_as_by_papermills_own_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    source = write(tmp_path / "in.ipynb", *EQUAL[name])
    theirs, their_error = execute(None, source)
    ours, our_error = execute("workbench", source)
    assert plain(ours) == plain(theirs)
    assert our_error == their_error
    for part in ("kernelspec", "language_info"):
        assert ours["metadata"][part] == theirs["metadata"][part]
    assert set(ours["metadata"]["papermill"]) == set(theirs["metadata"]["papermill"])
    assert ours["metadata"]["papermill"]["exception"] == theirs["metadata"]["papermill"]["exception"]


def test_a_long_line_that_comes_in_pieces_stays_one_line(tmp_path: Path) -> None:
    source = write(tmp_path / "in.ipynb", "for _ in range(40):\n    print('y' * 9_000, end='', flush=True)")
    ours, error = execute("workbench", source)
    assert "".join(ours["cells"][0]["outputs"][0]["text"]) == "y" * 360_000 and error is None


@pytest.mark.parametrize("cold", [False, True])
def test_a_file_beside_a_notebook_hides_nothing_of_pythons_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cold: bool
) -> None:
    (tmp_path / "colorsys.py").write_text("raise RuntimeError('the wrong one')")
    (tmp_path / "beside.py").write_text("here = 'found'")
    monkeypatch.chdir(tmp_path)
    source = write(tmp_path / "in.ipynb", "import colorsys, sys\nfrom beside import here\nhere, sys.path")
    theirs, _ = execute(None, source)
    ours, error = execute("workbench", source, cold=cold)
    assert plain(ours) == plain(theirs) and error is None


LOUD = """
import os, sys, warnings
from IPython.display import HTML, display
print("said while imported")
display(HTML("<b>shown</b>"))
warnings.warn("that is old", DeprecationWarning, stacklevel=2)
warnings.warn("beware")
os.environ["OF_AN_IMPORT"] = "set"
KERNEL = hasattr(get_ipython(), "kernel"), type(sys.stdout).__module__
"""
IMPORTING = {
    "once": ["'first'", "import loud", "import loud\nloud.KERNEL", "import os\nos.environ['OF_AN_IMPORT']"],
    "by another": ["import quiet_one", "quiet_one.loud.KERNEL", "from package.inner import here\nhere"],
    "unseen": ["import warnings\nwarnings.simplefilter('ignore')", "from loud import KERNEL as known\nknown"],
    "captured": [
        "%%capture heard\nimport loud",
        "heard.stdout, heard.stderr.count('old'), len(heard.outputs)",
    ],
    "failing": ["try:\n    import failing\nexcept ImportError as error:\n    print(error)", "import loud"],
    "looked for": [
        "import importlib.util\nspec = importlib.util.find_spec('package')\n"
        "spec.origin, spec.submodule_search_locations",
        "import package.inner, sys\nsys.modules['package'].inner.here, package.__spec__.origin",
    ],
    "pandas": [
        "import pandas as pd\npd.get_option('display.max_columns')",
        "pd.DataFrame([['a' * 100] * 30])",
    ],
    "tqdm": ["from tqdm.auto import tqdm\ntqdm"],
}


@pytest.mark.parametrize("name", IMPORTING)
def test_an_import_shows_and_learns_what_it_does_in_a_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    site = tmp_path / "site"
    (site / "package").mkdir(parents=True)
    (site / "loud.py").write_text(LOUD)
    (site / "quiet_one.py").write_text("import loud\n")
    (site / "failing.py").write_text("print('before it fails')\nraise ImportError('it fails')\n")
    (site / "package/__init__.py").write_text("from . import inner\nprint('the package')\n")
    (site / "package/inner.py").write_text("print('within')\nhere = __name__\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    source = write(tmp_path / "work" / "in.ipynb", *IMPORTING[name])
    theirs, _ = execute(None, source)
    ours, _ = execute("workbench", source)
    assert ours["metadata"]["workbench"]["process_kind"] == "fork"
    assert plain(ours) == plain(theirs)


def test_both_streams_keep_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    source = write(
        tmp_path / "in.ipynb",
        "import sys\nprint('e', file=sys.stderr)\nprint('o')",
        "print('1', end='')\nsys.stderr.write('2')\nprint('3')\ndisplay(4)\nprint('5', file=sys.stderr)",
        "import os, subprocess\nfor i in range(20):\n"
        "    print('a')\n    subprocess.run(['echo', 'b'])\n    os.write(2, b'c')\n    print('d')\n"
        "    os.system('echo e >&2')\n    print('f', file=sys.stderr)\n    os.write(1, b'g\\n')",
        "for i in range(1500):\n    print(i)\n    print(i, file=sys.stderr)",
    )
    ours, _ = execute("workbench", source)
    first, second, third, fourth = (
        [(each.get("name"), "".join(each.get("text", ""))) for each in cell["outputs"]]
        for cell in ours["cells"]
    )
    assert first == [("stderr", "e\n"), ("stdout", "o\n")]
    assert second == [("stdout", "1"), ("stderr", "2"), ("stdout", "3\n"), (None, ""), ("stderr", "5\n")]
    again = [("stderr", "c"), ("stdout", "d\n"), ("stderr", "e\nf\n")]
    assert third == [("stdout", "a\nb\n"), *([*again, ("stdout", "g\na\nb\n")] * 20)[:-1], ("stdout", "g\n")]
    # Where there are too many to stand apart, nothing is lost all the same.
    assert "".join(text for name, text in fourth if name == "stderr").split() == [str(i) for i in range(1500)]


def test_a_display_that_no_notebook_can_hold_is_kept_as_text(tmp_path: Path) -> None:
    shown = "from IPython.display import display\ndisplay({'application/x-ours': {'k': 1}}, raw=True)"
    source = write(tmp_path / "in.ipynb", shown, "'after'")
    _, their_error = execute(None, source)
    ours, our_error = execute("workbench", source)
    assert their_error == "NotebookValidationError"
    assert our_error is None
    assert ours["cells"][0]["outputs"][0]["data"] == {"application/x-ours": '{"k": 1}'}
    assert ours["cells"][1]["outputs"]


def test_an_expected_exception_is_treated_as_papermill_treats_it(tmp_path: Path) -> None:
    source = write(tmp_path / "in.ipynb", "raise ValueError('x')", "print(2)", tags={0: "raises-exception"})
    theirs, their_error = execute(None, source)
    ours, our_error = execute("workbench", source)
    assert our_error == their_error == "PapermillExecutionError"
    assert plain(ours) == plain(theirs)


@pytest.mark.parametrize("case", ["parameters", "none", "injected", "report", "inferred", "free"])
def test_parameters_are_injected_where_papermill_injects_them(tmp_path: Path, case: str) -> None:
    cells = {
        "parameters": (["#md t", "a: int = 1\nb: str = 'x'", "print(a, b)"], {1: "parameters"}),
        "none": (["#md t", "print(a)"], {}),
        "injected": (["a: int = 1", "a = 2", "print(a)"], {0: "parameters", 1: "injected-parameters"}),
        "report": (["a: int = 1", "print(a)"], {0: "parameters"}),
        "inferred": (["a = 1", "print(a)"], {0: "parameters"}),
        "free": (["import os\na, b = 1, os.sep", "print(a, b)"], {0: "parameters"}),
    }[case]
    source = write(tmp_path / "in.ipynb", *cells[0], tags=cells[1])
    options: dict[str, Any] = {"parameters": {"a": 7}, "report_mode": case == "report"}
    theirs, _ = execute(None, source, **options)
    ours, error = execute("workbench", source, **options)
    assert error is None
    assert plain(ours) == plain(theirs)
    assert ours["metadata"]["papermill"]["parameters"] == theirs["metadata"]["papermill"]["parameters"]
