"""Alerts: raised once for each finding, kept in ``ops.alerts``, and sent to the channels that the settings name."""

from __future__ import annotations

from workbench.governance.alerts.alert import KINDS, Alert, Severity
from workbench.governance.alerts.recorded import put
from workbench.governance.alerts.telling import tell_failure

__all__ = ["KINDS", "Alert", "Severity", "put", "tell_failure"]
