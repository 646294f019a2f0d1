"""Sizes that Fargate has, and what they cost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from workbench.errors import UsageError

_GB = 1024
# Processor units (1024 are one vCPU) and MiB: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/
# fargate-tasks-services.html#fargate-tasks-size
_SIZES: tuple[tuple[int, tuple[int, ...]], ...] = (
    (256, (512, 1 * _GB, 2 * _GB)),
    (512, tuple(range(1 * _GB, 4 * _GB + 1, _GB))),
    (1024, tuple(range(2 * _GB, 8 * _GB + 1, _GB))),
    (2048, tuple(range(4 * _GB, 16 * _GB + 1, _GB))),
    (4096, tuple(range(8 * _GB, 30 * _GB + 1, _GB))),
    (8192, tuple(range(16 * _GB, 60 * _GB + 1, 4 * _GB))),
    (16384, tuple(range(32 * _GB, 120 * _GB + 1, 8 * _GB))),
)
_LEAST_SECONDS = 60


@dataclass(frozen=True)
class FargateSize:
    """A size that Fargate has: processor units, of which 1024 are one vCPU, and MiB of memory."""

    cpu: int
    memory: int


@dataclass(frozen=True)
class Prices:
    """US dollars an hour for one vCPU and for one GB.

    The defaults are those on demand for Linux on x86 in us-east-1 in June 2026
    (https://aws.amazon.com/fargate/pricing/); other regions differ, and Spot does by the hour.
    """

    cpu: Decimal = Decimal("0.04048")
    memory: Decimal = Decimal("0.004445")


def fitting_size(cpu: float, memory: int) -> FargateSize:
    """Return the smallest size with at least so many processors and MiB.

    Raises:
        UsageError: Fargate has none that large.
    """
    for units, choices in _SIZES:
        if units >= cpu * 1024:
            for mib in choices:
                if mib >= memory:
                    return FargateSize(units, mib)
    raise UsageError(
        f"Fargate has no size with {cpu:g} cpu and {memory} MiB; the largest has 16 cpu and 122880 MiB"
    )


def cost(size: FargateSize, seconds: float, prices: Prices | None = None) -> Decimal:
    """Return US dollars for a task of a size: by the second, at least for a minute."""
    prices = prices or Prices()
    billed = max(_LEAST_SECONDS, math.ceil(seconds))
    hourly = prices.cpu * size.cpu / 1024 + prices.memory * size.memory / _GB
    return (hourly * billed / 3600).quantize(Decimal("0.000001"))
