"""Landing: the place, one folder a dataset, from which ingestion takes files, whoever put them there."""

from __future__ import annotations

from workbench.settings import Settings, get_settings
from workbench.sources.landing.base import FetchedFile, IdentifiedFile, LandedFile, Landing, Unavailable
from workbench.sources.landing.folder import FolderLanding, data_files
from workbench.sources.landing.known import KnownFiles
from workbench.sources.landing.names import (
    MAP_SUFFIX,
    below_dataset,
    dataset_of,
    is_data,
    is_data_format,
    map_of,
    require_dataset,
    shown,
)
from workbench.sources.landing.s3 import S3Landing


def open_landing(settings: Settings | None = None) -> Landing:
    """Return the landing of the settings; those of the environment if None.

    Raises:
        UsageError: it is in S3, and boto3 is missing or there is no region.
    """
    settings = settings or get_settings()
    if settings.landing_place.startswith("s3://"):
        return S3Landing(settings.landing_place)
    return FolderLanding(settings.landing, settings.landing_settle, settings.landing_look)


__all__ = [
    "MAP_SUFFIX", "FetchedFile", "FolderLanding", "IdentifiedFile", "KnownFiles", "LandedFile", "Landing", "S3Landing", "Unavailable",
    "below_dataset", "data_files", "dataset_of", "is_data", "is_data_format", "map_of", "open_landing", "require_dataset", "shown",
]  # fmt: skip
