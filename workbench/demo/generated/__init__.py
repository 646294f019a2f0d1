"""Data of any size from an invented retailer, with the truth about it beside it."""
