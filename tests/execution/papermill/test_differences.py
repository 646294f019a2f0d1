"""Where the engine of ours and papermill's own differ, and why."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import papermill
import pytest
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from tests.execution.papermill.both import execute, plain, write
from workbench.errors import UsageError


@pytest.mark.parametrize("status", ["", "0"])
def test_a_notebook_may_end_itself_without_a_failed_cell(tmp_path: Path, status: str) -> None:
    source = write(tmp_path / "in.ipynb", "import sys\nprint(1)", f"sys.exit({status})", "print('never')")
    theirs, their_error = execute(None, source)
    ours, our_error = execute("workbench", source)
    assert our_error is their_error is None
    assert theirs["metadata"]["papermill"]["exception"]
    assert not ours["metadata"]["papermill"]["exception"]
    states = [cell["metadata"]["papermill"]["status"] for cell in ours["cells"]]
    assert states == ["completed", "completed", "pending"]
    assert [cell["outputs"] for cell in ours["cells"]] == [cell["outputs"] for cell in theirs["cells"]]


def test_a_killed_kernel_is_a_failure_where_papermill_says_completed(tmp_path: Path) -> None:
    source = write(tmp_path / "in.ipynb", "print('before')", "import os\nos.kill(os.getpid(), 9)", "1")
    theirs, their_error = execute(None, source)
    ours, our_error = execute("workbench", source)
    assert their_error == our_error == "DeadKernelError"
    assert theirs["cells"][1]["metadata"]["papermill"]["status"] == "completed"
    assert not theirs["metadata"]["papermill"]["exception"]
    assert ours["cells"][1]["metadata"]["papermill"]["status"] == "failed"
    assert ours["metadata"]["papermill"]["exception"]
    assert ours["metadata"]["workbench"]["state"] == "failed"
    assert "SIGKILL" in ours["cells"][1]["outputs"][-1]["evalue"]
    assert ours["cells"][0]["outputs"][0]["text"] == ["before\n"]


def test_a_cell_past_its_time_is_a_failure_where_papermill_says_completed(tmp_path: Path) -> None:
    source = write(tmp_path / "in.ipynb", "import time\ntime.sleep(60)")
    theirs, their_error = execute(None, source, execution_timeout=1)
    ours, our_error = execute("workbench", source, execution_timeout=1)
    assert (their_error, our_error) == ("CellTimeoutError", "PapermillExecutionError")
    assert theirs["cells"][0]["metadata"]["papermill"]["status"] == "completed"
    assert any("past its timeout" in str(cell.get("outputs")) for cell in ours["cells"])
    assert ours["metadata"]["papermill"]["exception"]


def test_a_parameter_of_a_wrong_type_is_refused_before_anything_runs(tmp_path: Path) -> None:
    source = write(tmp_path / "in.ipynb", "a: int = 1", "open('ran', 'w')", tags={0: "parameters"})
    output = tmp_path / "out.ipynb"
    with pytest.raises(UsageError, match=r"'a' of .* must be int"):
        papermill.execute_notebook(source, output, {"a": "x"}, engine_name="workbench", cwd=tmp_path)
    with pytest.raises(UsageError, match="unknown parameter 'aa'"):
        papermill.execute_notebook(source, output, {"aa": 1}, engine_name="workbench", cwd=tmp_path)
    assert not output.exists()
    assert not (tmp_path / "ran").exists()


def test_a_secret_is_nowhere_in_what_papermill_saves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", "plover-8412-xyzzy")
    source = write(
        tmp_path / "in.ipynb",
        "from workbench.execution import Secret\nkey: Secret",
        "print(key.reveal())\nraise ValueError(key.reveal())",
        tags={0: "parameters"},
    )
    with pytest.raises(PapermillExecutionError) as caught:
        papermill.execute_notebook(
            source, tmp_path / "out.ipynb", {"key": "env:THE_KEY"}, engine_name="workbench"
        )
    assert "plover" not in (tmp_path / "out.ipynb").read_text()
    assert "plover" not in str(caught.value)


def test_a_dead_kernel_raises_what_papermills_users_catch(tmp_path: Path) -> None:
    source = write(tmp_path / "in.ipynb", "import os\nos._exit(3)")
    with pytest.raises(DeadKernelError, match="exited with status 3"):
        papermill.execute_notebook(source, tmp_path / "out.ipynb", engine_name="workbench")


BASH = """
import subprocess, sys
from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel

class Bash(Kernel):
    implementation, implementation_version, banner = "bash", "1", "bash"
    language_info = {"name": "bash", "mimetype": "text/x-sh", "file_extension": ".sh"}
    script = ""

    async def do_execute(self, code, silent, *args, **options):
        before = subprocess.run(["bash", "-c", self.script], capture_output=True, text=True).stdout
        self.script += code + "\\n"
        done = subprocess.run(["bash", "-c", self.script], capture_output=True, text=True)
        self.send_response(self.iopub_socket, "stream", {"name": "stdout", "text": done.stdout[len(before):]})
        return {"status": "ok", "execution_count": self.execution_count, "payload": [], "user_expressions": {}}

IPKernelApp.launch_instance(kernel_class=Bash)
"""


def test_a_kernel_of_another_language_is_started_afresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "jupyter/kernels/ourbash"
    folder.mkdir(parents=True)
    (folder / "kernel.py").write_text(BASH)
    spec = {"display_name": "Bash", "language": "bash"}
    argv = [sys.executable, str(folder / "kernel.py"), "-f", "{connection_file}"]
    (folder / "kernel.json").write_text(json.dumps({"argv": argv, **spec}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    source = write(
        tmp_path / "in.ipynb",
        "name=nobody",
        "echo hello $name",
        tags={0: "parameters"},
        kernelspec={"name": "ourbash", **spec},
    )
    ours, error = execute("workbench", source, parameters={"name": "you"})
    theirs, _ = execute(None, source, parameters={"name": "you"})
    assert error is None
    assert ours["cells"][-1]["outputs"][0]["text"] == ["hello you\n"]
    assert plain(ours) == plain(theirs)
    assert ours["metadata"]["workbench"]["process_kind"] == "kernel"
