"""Redshift's SQL as tokens, and a reader of them."""
