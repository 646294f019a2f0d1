"""Processes that run the cells of notebooks: forked or started afresh, and supervised."""
