"""Pipelines: their maps, stages, order, schedules, and the contract that stage notebooks keep."""
