"""Spans and points of time, as people and schedules write them."""
