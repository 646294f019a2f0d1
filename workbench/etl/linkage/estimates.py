"""When weights are estimated anew, and which are kept until then."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from types import ModuleType

import pyarrow as pa

from workbench.etl.incremental import hash_of, set_watermark
from workbench.etl.linkage.link import Linkage
from workbench.etl.linkage.model import Model
from workbench.etl.linkage.workspace import FREQUENCIES
from workbench.governance.this_run import this_run
from workbench.settings import get_settings
from workbench.warehouse import Session, Warehouse
from workbench.warehouse.access import infrastructure

NAME = "customer_identity"
GROWN = 0.2
"""By which share of the entries that weights were estimated from these may grow or shrink before they are estimated anew."""
FEW = 0.1
"""Up to which share of all customers new ones are looked up one by one; more of them are compared with everybody at once."""


class Estimates:
    """What is known of the linkage before it begins.

    Args:
        warehouse: where.
        modules: those whose code says what comes out.
        inputs: a hash of what people decided.
    """

    name = NAME

    def __init__(self, warehouse: Warehouse, modules: Iterable[ModuleType], inputs: str) -> None:
        self._code, self._inputs = hash_of(modules), inputs[:32]
        with infrastructure():
            (found,) = warehouse.rows(
                "SELECT (SELECT max(fingerprint) FROM ops.watermarks WHERE model = ?) AS fingerprint, "
                "(SELECT max(built_at) FROM ops.watermarks WHERE model = 'customer_standard') AS standard, "
                "(SELECT max(seen_until) FROM ops.watermarks WHERE model = 'customer_standard') AS seen, "
                "(SELECT count(DISTINCT member) FROM staging.touched WHERE model = ?) AS waiting, "
                "(SELECT count(*) FROM staging.customer_standard) AS entries, "
                "(SELECT count(*) FROM staging.customer_identity) AS customers",
                [NAME, NAME],
            )
            last = warehouse.rows(
                "SELECT version, entries, model FROM ops.linkage_estimates ORDER BY version DESC LIMIT 1"
            )
        self._standard, self._seen = found["standard"], found["seen"] or datetime(1, 1, 1)
        self.entries, waiting = int(found["entries"]), int(found["waiting"])
        mark = str(found["fingerprint"] or "")
        self.version = int(last[0]["version"]) if last else 0
        then = int(last[0]["entries"]) if last else 0
        self.reason = (
            "asked for" if get_settings().full
            else "nothing was linked yet, or all entries are in another standard form" if not mark or not last
            else "the code that links customers has changed" if mark[:32] != self._code
            else f"there are {self.entries:,} entries, and there were {then:,}" if abs(self.entries - then) > GROWN * then
            else ""
        )  # fmt: skip
        """Why weights are to be estimated; empty where those that are kept will do."""
        self.model = Model.from_json(str(last[0]["model"])) if last and not self.reason else None
        self.is_decided = mark[32:] != self._inputs
        """True where people have decided something since."""
        is_lost = self.entries > 0 and not found["customers"]
        self.is_needed = bool(self.reason) or is_lost or waiting > 0 or self.is_decided
        self.is_whole = bool(self.reason) or is_lost or waiting > FEW * int(found["customers"])
        """True where all customers are compared."""

    def kept(self, warehouse: Warehouse) -> tuple[Model, pa.Table] | None:
        """Return the weights in use, with the rarities of names; None where they are to be estimated."""
        if self.model is None:
            return None
        rows = warehouse.query("SELECT column_name, value, rarity FROM staging.linkage_frequencies")
        return self.model, rows.cast(FREQUENCIES)

    def made(self, linked: Linkage) -> dict[str, pa.Table]:
        """Return the row of ``ops.linkage_estimates`` for weights that were estimated; nothing where they were kept."""
        if self.model is not None:
            return {}
        self.version += 1
        row = {
            "version": self.version, "estimated_at": datetime.now(UTC).replace(tzinfo=None),
            "run_id": this_run(), "reason": self.reason, "entries": self.entries,
            "customers": linked.model.customers, "model": linked.model.to_json(),
        }  # fmt: skip
        kinds = (
            pa.int64(),
            pa.timestamp("us"),
            pa.string(),
            pa.string(),
            pa.int64(),
            pa.int64(),
            pa.string(),
        )
        columns = {
            name: pa.array([value], kind) for (name, value), kind in zip(row.items(), kinds, strict=True)
        }
        return {"ops.linkage_estimates": pa.table(columns)}

    def done(self, session: Session, inputs: str = "") -> None:
        """Remember, in a transaction, how far it has got, and that nobody waits, unless somebody has come meanwhile."""
        ((standard,),) = session.execute(
            "SELECT max(built_at) FROM ops.watermarks WHERE model = 'customer_standard'"
        ).fetchall()
        if standard == self._standard:
            session.execute("DELETE FROM staging.touched WHERE model = ?", [NAME])
        set_watermark(session, NAME, self._seen, self._code + self._inputs)
