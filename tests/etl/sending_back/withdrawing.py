"""Deliveries, what a wrong one of each would change, and what they are built to."""

from __future__ import annotations

from pathlib import Path

from workbench import transform
from workbench.etl.customers import identify_people, standardize_customers
from workbench.etl.ingest import ingest
from workbench.etl.products import classify_products
from workbench.governance.ledger import Batch
from workbench.schema import DATASETS
from workbench.sources.files import land
from workbench.warehouse import Warehouse

LINE = "transaction_id,line_number,transaction_timestamp,customer_id,product_id,store_id,quantity,unit_price,currency\n"
FIRST = {
    "transactions": LINE
    + "T1,1,2024-01-05T10:00:00Z,C1,P1,S1,2,2.50,USD\nT2,1,2024-01-06T10:00:00Z,C2,P9,S1,1,4,EUR\n"
    # Members that no feed describes, and that the wrong files' corrections name no more.
    "T4,1,2024-01-06T10:00:00Z,C6,P1,S6,1,4,USD\n",
    "customers": "customer_id,updated_at,first_name,last_name,email\nC1,2024-01-01T00:00:00Z,Ann,Lee,ann@example.com\n"
    "C2,2024-01-01T00:00:00Z,Bob,Poe,bob@example.com\n",
    "products": "product_id,updated_at,description,department,category\nP1,2024-01-01T00:00:00Z,Tea,Drinks,Hot\n",
    "stores": "store_id,updated_at,name\nS1,2024-01-01T00:00:00Z,Main\n",
    "exchange_rates": "rate_date,currency,units_per_eur\n2024-01-05,USD,1.25\n",
    "events": "event_id,event_timestamp,event_type,customer_id,product_id\nE1,2024-01-05T10:00:00Z,view,C1,P1\n"
    "E4,2024-01-05T10:00:00Z,view,C5,P5\n",
    "measurements": "measurement_id,measured_at,store_id,metric,value\nM1,2024-01-05T10:00:00Z,S1,visitors,4\n"
    "M4,2024-01-05T10:00:00Z,S9,visitors,4\n",
    "fraud_labels": "transaction_id,is_fraud,labelled_at\nT1,false,2024-01-07T10:00:00Z\n",
}
# Each corrects something of the first deliveries, and brings something new.
WRONG = {
    "transactions": LINE
    + "T1,1,2024-02-05T10:00:00Z,C7,P7,S7,5,2.50,USD\nT2,1,2024-01-06T10:00:00Z,C2,P1,S1,1,4,EUR\n"
    + "T3,1,2024-03-05T10:00:00Z,C1,P8,S1,1,1,USD\nT4,1,2024-01-06T10:00:00Z,C1,P1,S1,1,4,USD\n",
    "customers": "customer_id,updated_at,first_name,last_name,email\nC1,2024-01-01T00:00:00Z,Eve,Poe,bob@example.com\n"
    "C2,2024-01-04T00:00:00Z,Bob,Poe,rob@example.com\nC3,2024-01-01T00:00:00Z,Cid,Roe,cid@example.com\n",
    "products": "product_id,updated_at,description,department,category\nP1,2024-01-02T00:00:00Z,Tee,Golf,Sports\n"
    "P9,2024-01-01T00:00:00Z,Ball,Golf,Sports\n",
    "stores": "store_id,updated_at,name\nS1,2024-01-02T00:00:00Z,Side\nS2,2024-01-02T00:00:00Z,New\n",
    "exchange_rates": "rate_date,currency,units_per_eur\n2024-01-05,USD,9\n2024-01-06,USD,8\n2024-01-06,GBP,1\n",
    "events": "event_id,event_timestamp,event_type,customer_id,product_id\nE1,2024-01-09T10:00:00Z,buy,C7,P7\n"
    "E2,2024-01-05T10:00:00Z,view,C2,P1\nE4,2024-01-05T10:00:00Z,view,C1,P1\n",
    "measurements": "measurement_id,measured_at,store_id,metric,value\nM1,2024-01-05T10:00:00Z,S8,visitors,9\n"
    "M2,2024-01-05T10:00:00Z,S1,visitors,1\nM4,2024-01-05T10:00:00Z,S1,visitors,4\n",
    "fraud_labels": "transaction_id,is_fraud,labelled_at\nT1,true,2024-01-08T10:00:00Z\n",
}
STEPS = ("staging.customer_standard", "staging.customer_identity", "staging.product_category")


def take(warehouse: Warehouse, folder: Path, files: dict[str, str], name: str) -> dict[str, Batch]:
    """Land a file for each dataset, and take them in."""
    for dataset, content in files.items():
        path = folder / f"{name}-{dataset}.csv"
        path.write_text(content)
        land(str(path), dataset)
    return {batch.dataset: batch for batch in ingest(warehouse).batches}


def run(warehouse: Warehouse) -> None:
    """Do what the stages after ingestion do."""
    standardize_customers(warehouse)
    identify_people(warehouse)
    classify_products(warehouse)
    transform.build()


def content(warehouse: Warehouse) -> dict[str, list[str]]:
    """Return the rows of all tables that are made from raw; those of the ledger's own mart are of every batch."""
    names = [table.full_name for table in transform.MODELS.values() if table.name != "data_quality_daily"]
    return {
        name: sorted(map(repr, warehouse.query(f"SELECT * FROM {name}").to_pylist()))
        for name in (*names, *STEPS)
    }


def raw(warehouse: Warehouse) -> dict[str, list[str]]:
    """Return the rows of raw."""
    return {
        name: sorted(map(repr, warehouse.query(f"SELECT * FROM raw.{name}").to_pylist())) for name in DATASETS
    }


def build_first(warehouse: Warehouse, folder: Path) -> dict[str, list[str]]:
    """Take the first deliveries in; return what they were built to."""
    assert len(take(warehouse, folder, FIRST, "first")) == len(DATASETS)
    run(warehouse)
    return content(warehouse)
