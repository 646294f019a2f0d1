"""Services that people work with, as background processes: a local AWS, Redshift, MLflow and JupyterLab."""

from workbench.services.known import SERVICES
from workbench.services.processes import State, down, environment, status, up
from workbench.services.service import Service

__all__ = ["SERVICES", "Service", "State", "down", "environment", "status", "up"]
