"""Links from a task to what its stage left: the rendered report, and its run in MLflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator


class _Link(BaseOperatorLink):
    """A link that the operator knows once its stage has ended; none leads nowhere."""

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """Return the link."""
        return str(getattr(operator, "links", {}).get(self.key, ""))

    @property
    def key(self) -> str:
        """What the operator calls it."""
        raise NotImplementedError


class ReportLink(_Link):
    """The rendered report of a stage, half executed where it failed."""

    name = "Report"
    key = "report"


class MlflowLink(_Link):
    """The run in MLflow that a stage made."""

    name = "MLflow"
    key = "mlflow"
