"""However a table is written, the same rows of it are in raw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.etl.ingestion.reading.forms_of_data import FORMS, NAMES, ROWS
from workbench.etl.ingest import ingest
from workbench.sources.files import land
from workbench.warehouse import Warehouse


def test_every_form_of_a_table_gives_the_same_rows(warehouse: Warehouse, tmp_path: Path) -> None:
    # On the way to the other engine all are alike once they are read.
    forms = FORMS if warehouse.is_embedded else {name: FORMS[name] for name in list(FORMS)[::9]}
    for name, (content, said) in forms.items():
        (tmp_path / name).write_bytes(content)
        if said is not None:
            (tmp_path / f"{name}.map.yaml").write_text(json.dumps({"dataset": "products", **said}))
        land(str(tmp_path / name), "products")
    batches = {batch.batch_id: batch for batch in ingest(warehouse).batches}
    names = {each: Path(batch.uri).name for each, batch in batches.items()}
    assert {
        names[each]: (batch.status, batch.message)
        for each, batch in batches.items()
        if batch.status != "loaded"
    } == {}
    assert len(batches) == len(forms)
    found: dict[str, list[list[Any]]] = {}
    for row in warehouse.query(
        f"SELECT _batch_id, {', '.join(NAMES)} FROM raw.products ORDER BY product_id"
    ).to_pylist():
        values = [str(row[name]) if row[name] is not None else None for name in NAMES]
        found.setdefault(names[row["_batch_id"]], []).append([*values[:4], float(values[4] or 0), values[5]])
    wanted = [[*row[:4], float(str(row[4])), row[5]] for row in ROWS]
    assert len(found) == len(forms)
    assert {name: rows for name, rows in found.items() if rows != wanted} == {}
