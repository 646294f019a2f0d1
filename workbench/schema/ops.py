"""The tables in which the platform accounts for itself."""

from __future__ import annotations

from workbench.schema.model import Table, bigint, boolean, codes, double, json, text, timestamp

OPS = (
    Table(
        "ops", "batches", "the ledger: one row a landed file; landed = accepted + quarantined",
        (
            text("batch_id", "sha256 of dataset, map and bytes", size=64, nullable=False),
            text("dataset", "dataset it belongs to", size=64, nullable=False),
            text("uri", "where it landed", size=2048, nullable=False),
            bigint("rows_landed", "rows in the file", nullable=False),
            bigint("rows_accepted", "rows in raw", nullable=False),
            bigint("rows_quarantined", "rows in quarantine", nullable=False),
            bigint("rows_duplicate", "accepted rows that repeat an accepted row exactly", nullable=False),
            text("status", "loaded, partial, empty or rejected", size=16, nullable=False),
            text("message", "why it was rejected, or what was noticed", size=2048),
            text("run_id", "run that took it in", size=64),
            timestamp("ingested_at", "when it was taken in, UTC", nullable=False),
        ),
        ("batch_id",), "all", ("ingested_at",),
    ),
    Table(
        "ops", "quarantine", "rows that failed the contract, as they came",
        (
            text("batch_id", "the landed file", size=64, nullable=False),
            text("dataset", "dataset of the file", size=64, nullable=False),
            bigint("row_number", "position of the row in its file, from 1", nullable=False),
            text("record", "the row as it came; bytes that are not UTF-8 as \\xNN", size=65535, nullable=False),
            codes("reasons", "what is wrong, as column:what", nullable=False),
            text("run_id", "run that set it aside", size=64),
            timestamp("quarantined_at", "when, UTC", nullable=False),
        ),
        ("batch_id", "row_number"), "even", ("quarantined_at",),
    ),
    Table(
        "ops", "runs", "one row a run: a pipeline's, and one for each of its stages",
        (
            text("run_id", "identity of the run", size=64, nullable=False),
            text("parent_run_id", "the pipeline run a stage belongs to", size=64),
            text("pipeline", "name of the pipeline, or of the notebook", size=128, nullable=False),
            text("stage", "name of the stage; empty for the pipeline itself", size=128),
            text("state", "succeeded, failed, stopped or not_run", size=16, nullable=False),
            timestamp("started_at", "when it began, UTC"),
            timestamp("finished_at", "when it ended, UTC"),
            double("seconds", "wall time"),
            bigint("rows_written", "rows the run says it wrote"),
            json("parameters", "what it was called with, redacted"),
            json("counts", "counts the notebook handed back"),
            json("tables", "tables it wrote, with their row counts"),
            json("metrics", "measures the notebook handed back"),
            text("error", "why it failed, one line", size=2048),
            text("notebook", "the executed notebook", size=2048),
            text("report", "the rendered page", size=2048),
            text("code_version", "git commit of the code", size=64),
            text("executor", "where it ran", size=32),
            text("host", "name of the machine", size=256),
        ),
        ("run_id",), "all", ("started_at",),
    ),
    Table(
        "ops", "requests", "runs that were asked for by message and succeeded: the same request runs once",
        (
            text("request_id", "identity of the request", size=128, nullable=False),
            text("pipeline", "name of the pipeline", size=128, nullable=False),
            text("run_id", "run that did it", size=64, nullable=False),
            timestamp("finished_at", "when, UTC", nullable=False),
        ),
        ("request_id", "pipeline"), "all", ("finished_at",),
    ),
    Table(
        "ops", "quality_results", "what was checked and what came out",
        (
            text("run_id", "run that checked", size=64, nullable=False),
            text("check_name", "name of the check", size=512, nullable=False),
            text("table_name", "table it looked at", size=256),
            text("status", "pass, warn, fail or error", size=16, nullable=False),
            bigint("failures", "rows that broke it"),
            text("message", "what it said", size=2048),
            timestamp("checked_at", "when, UTC", nullable=False),
        ),
        ("run_id", "check_name"), "even", ("checked_at",),
    ),
    Table(
        "ops", "lineage", "which table came from which, by run",
        (
            text("run_id", "run that moved the data", size=64, nullable=False),
            text("source", "table read", size=256, nullable=False),
            text("target", "table written", size=256, nullable=False),
            timestamp("recorded_at", "when, UTC", nullable=False),
        ),
        ("run_id", "source", "target"), "even", ("recorded_at",),
    ),
    Table(
        "ops", "audit_log", "who did what",
        (
            timestamp("happened_at", "when, UTC", nullable=False),
            text("actor", "who", size=128, nullable=False),
            text("action", "what", size=128, nullable=False),
            text("object", "to what", size=512),
            json("details", "more"),
        ),
        (), "even", ("happened_at",),
    ),
    Table(
        "ops", "alerts", "who was told what",
        (
            text("alert_id", "identity: the same finding has the same id", size=64, nullable=False),
            text("run_id", "run that raised it", size=64),
            timestamp("raised_at", "when, UTC", nullable=False),
            text("kind", "no_rate, rejected_batch, sales_anomaly, ...", size=64, nullable=False),
            text("severity", "info, warning or critical", size=16, nullable=False),
            text("subject", "what it is about", size=256, nullable=False),
            text("message", "one sentence for a person", size=2048, nullable=False),
            boolean("is_open", "false once somebody closed it", nullable=False),
        ),
        ("alert_id",), "all", ("raised_at",),
    ),
)  # fmt: skip
