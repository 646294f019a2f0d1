"""Tests of the warehouse engines."""
