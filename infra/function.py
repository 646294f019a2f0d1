"""The zip of the function between S3 and the queue: of the package what it imports, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import workbench

HANDLER = "workbench.aws.lambda_trigger.handler"
MODULES = (
    "__init__.py",
    "digits.py",
    "errors.py",
    "queue/__init__.py",
    "queue/messages.py",
    "aws/__init__.py",
    "aws/lambda_trigger.py",
)


def pack(folder: Path) -> Path:
    """Copy the function's modules to a folder; what else it imports is in AWS's layer of Powertools."""
    package = Path(workbench.__file__).parent
    for module in MODULES:
        place = folder / "workbench" / module
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(package / module, place)
    return folder
