"""A notebook runs in the kernel that it names, or nowhere: stages, single notebooks, papermill and the check agree."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.execution.notebooks import notebook, pipeline
from workbench.errors import UsageError
from workbench.execution import RunOptions, load_pipeline, run_notebook, run_pipeline
from workbench.execution.notebook.language import assigned_names, find_kernel
from workbench.execution.pipeline.contract import check_pipeline
from workbench.settings import Settings

SHELL = """\
import subprocess
from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel

class Shell(Kernel):
    implementation, implementation_version, banner = "shell", "1", "bash"
    language_info = {"name": "bash", "mimetype": "text/x-sh", "file_extension": ".sh", "version": "5"}
    before = ""

    def do_execute(self, code, silent, *args, **options):
        script = "{ :\\n" + self.before + "\\n} >/dev/null\\n" + code
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
        self.before += code + "\\n"
        self.send_response(self.iopub_socket, "stream", {"name": "stdout", "text": done.stdout})
        if done.returncode == 0:
            return {"status": "ok", "execution_count": self.execution_count, "payload": [], "user_expressions": {}}
        error = {"ename": "Exit", "evalue": str(done.returncode), "traceback": []}
        self.send_response(self.iopub_socket, "error", error)
        return {"status": "error", "execution_count": self.execution_count, **error}

IPKernelApp.launch_instance(kernel_class=Shell)
"""


@pytest.fixture
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two kernels beside this Python's: one of Python with a variable of its own, one of bash; and a stale one."""
    folder = tmp_path / "jupyter"
    monkeypatch.setenv("JUPYTER_PATH", str(folder))
    (tmp_path / "shell.py").write_text(SHELL)
    python = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    for name, spec in {
        "other-py": {"argv": python, "language": "python", "env": {"OF_THE_KERNEL": "other"}},
        "shell": {
            "argv": [sys.executable, str(tmp_path / "shell.py"), "-f", "{connection_file}"],
            "language": "bash",
        },
        "stale": {"argv": ["/nowhere/bin/python", "-f", "{connection_file}"], "language": "python"},
    }.items():
        (folder / "kernels" / name).mkdir(parents=True)
        (folder / "kernels" / name / "kernel.json").write_text(json.dumps({"display_name": name, **spec}))
    return folder  # fmt: skip


def write(path: Path, name: str, language: str, *cells: str, parameters: str = "") -> Path:
    node = new_notebook(cells=[new_code_cell(source) for source in cells])
    if parameters:
        node.cells.insert(0, new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    node.metadata["kernelspec"] = {"name": name, "display_name": name, "language": language}
    node.metadata["language_info"] = {"name": language, "version": "1"}
    nbformat.write(node, path)
    return path


def texts(path: Path) -> list[str]:
    node: Any = nbformat.read(path, 4)
    nbformat.validate(node)
    return [output.get("text", "") for cell in node.cells for output in cell.get("outputs", [])]


MISSING = [
    ("ir", "R"),
    ("julia-1.11", "julia"),
    ("python2", "python"),
    ("conda-env-shop-py", "python"),
    ("../x", "R"),
]


@pytest.mark.parametrize(("name", "language"), MISSING)
def test_a_kernel_that_is_not_there_is_refused_before_anything_starts(
    tmp_path: Path, settings: Settings, kernels: Path, name: str, language: str
) -> None:
    path = write(tmp_path / "a.ipynb", name, language, "x = 7")
    with pytest.raises(
        UsageError, match="there is none here; there are: other-py, python3, shell, stale"
    ) as error:
        run_notebook(path, settings=settings)
    assert error.value.exit_status == 2 and repr(name) in str(error.value) and language in str(error.value)
    assert ("-k python3" in str(error.value)) == (language == "python")
    with pytest.raises(UsageError, match="there is none here"):
        run_pipeline(pipeline(tmp_path, {"a": {}}), options=RunOptions(settings=settings))
    findings = [str(finding) for finding in check_pipeline(load_pipeline(tmp_path, settings))]
    assert any("there is none here" in finding for finding in findings)
    assert not settings.runs.exists() or not list(settings.runs.iterdir())


def test_papermill_refuses_it_too_with_exit_status_2(tmp_path: Path, kernels: Path) -> None:
    path = write(tmp_path / "a.ipynb", "julia-1.11", "julia", "x = 7")
    program = Path(sys.executable).with_name("papermill")
    command = [program, "--engine", "workbench", "--no-progress-bar", path, tmp_path / "out.ipynb"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and "'julia-1.11' (julia), and there is none here" in done.stderr


def test_this_python_takes_its_place_if_asked_to(tmp_path: Path, settings: Settings, kernels: Path) -> None:
    path = write(
        tmp_path / "a.ipynb", "conda-env-shop-py", "python", "print(limit)", parameters="limit: int = 5  # x"
    )
    run = run_notebook(path, {"limit": "7"}, kernel="python3", settings=settings)
    assert run.state == "succeeded" and run.stages[0].process_kind == "fork"
    assert run.stages[0].notebook and texts(run.stages[0].notebook) == ["7\n"]
    assert nbformat.read(run.stages[0].notebook, 4).metadata.kernelspec.name == "conda-env-shop-py"
    papermill.execute_notebook(
        path,
        tmp_path / "out.ipynb",
        {"limit": 8},
        engine_name="workbench",
        kernel_name="python3",
        progress_bar=False,
    )
    assert texts(tmp_path / "out.ipynb") == ["8\n"]


def test_another_kernel_of_python_runs_its_notebooks(
    tmp_path: Path, settings: Settings, kernels: Path
) -> None:
    source = "import os\nprint(os.environ['OF_THE_KERNEL'], limit)"
    path = write(tmp_path / "a.ipynb", "other-py", "python", source, "1/0", parameters="limit: int = 5  # x")
    with pytest.raises(UsageError, match="must be int"):
        run_notebook(path, {"limit": "x"}, settings=settings)
    run = run_notebook(path, {"limit": "7"}, settings=settings)
    stage = run.stages[0]
    assert (stage.state, stage.error) == ("failed", "ZeroDivisionError: division by zero")
    assert stage.process_kind == "kernel" and stage.notebook and texts(stage.notebook)[0] == "other 7\n"
    with pytest.raises(UsageError, match="'stale', which can't be started: no program '/nowhere/bin/python'"):
        run_notebook(path, kernel="stale", settings=settings)


def test_a_notebook_of_another_language_runs_in_it_with_its_parameters(
    tmp_path: Path, settings: Settings, kernels: Path
) -> None:
    path = write(tmp_path / "a.ipynb", "shell", "bash", "echo $greeting $((number * 2))",
                 parameters="greeting=hello\nnumber=1")  # fmt: skip
    run = run_notebook(path, {"number": "21"}, settings=settings)
    stage = run.stages[0]
    assert (stage.state, stage.error) == ("succeeded", None) and stage.notebook and stage.report
    assert texts(stage.notebook)[-1] == "hello 42\n" and stage.report.is_file()
    kept = nbformat.read(stage.notebook, 4)
    assert (kept.metadata.kernelspec.name, kept.metadata.language_info.name) == ("shell", "bash")
    with pytest.raises(UsageError, match="unknown parameter 'nummer'"):
        run_notebook(path, {"nummer": "21"}, settings=settings)
    papermill.execute_notebook(
        path, tmp_path / "out.ipynb", {"number": 4}, engine_name="workbench", progress_bar=False
    )
    assert texts(tmp_path / "out.ipynb")[-1] == "hello 8\n"
    failing = write(tmp_path / "b.ipynb", "shell", "bash", "echo out; exit 3", "echo never")
    run = run_notebook(failing, settings=settings)
    assert (run.state, run.stages[0].error) == ("failed", "Exit: 3")


def test_a_stage_may_say_in_which_kernel_it_runs(tmp_path: Path, settings: Settings, kernels: Path) -> None:
    notebook(tmp_path / "shop" / "a.ipynb", "import os\nprint(os.environ.get('OF_THE_KERNEL'))")
    run = run_pipeline(
        pipeline(tmp_path / "shop", {"a": {"kernel": "other-py"}}), options=RunOptions(settings=settings)
    )
    assert run.state == "succeeded" and run.stages[0].notebook and "other\n" in texts(run.stages[0].notebook)
    # Nothing has changed but the kernel.
    run = run_pipeline(pipeline(tmp_path / "shop", {"a": {}}), options=RunOptions(settings=settings))
    assert run.stages[0].state == "succeeded" and "the kernel" in run.stages[0].why


def test_a_notebook_without_a_kernel_takes_one_of_its_language(kernels: Path) -> None:
    assert find_kernel({"metadata": {}}, "it").ours
    assert find_kernel({"metadata": {"language_info": {"name": "Python"}}}, "it").ours
    assert find_kernel({"metadata": {"language_info": {"name": "bash"}}}, "it").name == "shell"
    with pytest.raises(UsageError, match="names no kernel"):
        find_kernel({"metadata": {"language_info": {"name": "scala"}}}, "it")


def test_names_are_read_from_parameters_of_other_languages() -> None:
    assert assigned_names("a <- 1\nb.c = 'x'  # y\nval d: Int = 5\nexport e=6\nf == 3") == [
        "a",
        "b.c",
        "d",
        "e",
    ]
