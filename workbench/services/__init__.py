"""Services that people work with, as background processes: a local AWS, Redshift, MLflow and JupyterLab."""

from workbench.services.known import SERVICES, Service
from workbench.services.processes import State, down, environment, status, up

__all__ = ["SERVICES", "Service", "State", "down", "environment", "status", "up"]
