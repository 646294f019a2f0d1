"""Runs the dbt project in this process and hands back what it did."""

from __future__ import annotations

from workbench.transform.build import TAGS, build
from workbench.transform.results import MODELS, NodeResult, TransformResult

__all__ = ["MODELS", "TAGS", "NodeResult", "TransformResult", "build"]
