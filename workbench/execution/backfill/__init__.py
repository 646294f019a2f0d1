"""Backfills: a range of days worked out anew, chunk by chunk, by the stages that take days."""
