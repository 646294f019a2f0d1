"""Fixtures of the tests of commands."""

from __future__ import annotations

from tests.commands.test_warehouse import call, sales

__all__ = ["call", "sales"]
