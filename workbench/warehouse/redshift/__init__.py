"""The cluster engine: Amazon Redshift through ``redshift_connector``, in bulk through S3."""

from __future__ import annotations

from workbench.warehouse.redshift.address import Address
from workbench.warehouse.redshift.engine import RedshiftWarehouse
from workbench.warehouse.redshift.staging import Staging

__all__ = ["Address", "RedshiftWarehouse", "Staging"]
