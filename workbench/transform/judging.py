"""Tests of what was built, judged as dbt judges them."""

from __future__ import annotations

from typing import Literal, TypeAlias

from workbench.transform.nodes import Node
from workbench.warehouse import Session

Outcome: TypeAlias = tuple[Literal["pass", "warn", "fail"], int]


def judge(session: Session, node: Node, sql: str) -> Outcome:
    """Make a test as dbt does: count what its statement finds, and judge that; return the status and the count."""
    check = node.check
    limit = f" LIMIT {int(check['limit'])}" if check.get("limit") else ""
    found = session.execute(
        f"SELECT {check['fail_calc']}, CASE WHEN {check['fail_calc']} {check['warn_if']} THEN 1 ELSE 0 END, "
        f"CASE WHEN {check['fail_calc']} {check['error_if']} THEN 1 ELSE 0 END "
        f"FROM (SELECT * FROM (\n{sql}\n) AS failures{limit}) AS found"
    ).fetchone()
    failures, warns, errors = map(int, found or (0, 0, 0))
    if errors and check["severity"] == "error":
        return "fail", failures
    return ("warn", failures) if warns or errors else ("pass", failures)
