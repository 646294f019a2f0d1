"""The demo's data: a year of shopping, and generated data of any size with its truth beside it."""
