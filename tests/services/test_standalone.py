"""What keeps Airflow's components running: what one that ended had started ends with it, and nothing else does."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import json, subprocess, time
from workbench.airflow.standalone import Component, bury_orphans
from workbench.execution.kernels.fork import linux

linux.set_subreaper()
kept = Component("kept", [])
kept.process = subprocess.Popen(["sleep", "60"])
found = []
subprocess.run(["bash", "-c", "sleep 0.1 & sleep 60 & (sleep 60; true) &"])
found.append(len(linux.children()))
while len(linux.children()) > 3:
    bury_orphans([kept])
    time.sleep(0.01)
found.append(len(linux.children()))
linux.end_orphans([kept.process.pid])
found.append(linux.children() == {kept.process.pid} and kept.process.poll() is None)
kept.process.kill()
found.append(kept.process.wait())
bury_orphans([kept])
print(json.dumps(found))
"""


def test_what_a_component_that_ended_has_left_is_ended_and_buried() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False
    )
    # The last of the orphans has a child of its own, which comes when it goes.
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [4, 3, True, -9]
