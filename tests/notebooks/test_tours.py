"""The tours run from top to bottom, held by nbval as a person would run them in JupyterLab."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_tours_run_on_an_empty_warehouse_and_leave_what_is_yours_alone(
    home: Path, tmp_path: Path
) -> None:
    yours = {
        "WORKBENCH_MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'models.db'}",
        "WORKBENCH_QUEUE_URL": f"sqlite:///{tmp_path / 'messages.db'}",
        "WORKBENCH_LANDING_URI": str(tmp_path / "landing"),
    }
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "--nbval-lax",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "tests.kernel_sockets",
            "-c",
            os.devnull,
            "--rootdir",
            str(ROOT),
            str(ROOT / "notebooks"),
        ],
        cwd=ROOT,
        env={**os.environ, **yours, "WORKBENCH_HOME": str(home), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=2700,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert " passed" in done.stdout
    assert list(tmp_path.iterdir()) == [home]
