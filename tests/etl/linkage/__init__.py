"""Customers linked to people."""
