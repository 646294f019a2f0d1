"""A local AWS: moto's server as a process of its own, whose tasks, functions and state machines really run."""

from __future__ import annotations

from workbench.aws.local.process import LocalAWS

__all__ = ["LocalAWS"]
