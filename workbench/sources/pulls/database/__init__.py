"""Databases: a table or a query read in one statement, chunk by chunk, and kept with its types."""
