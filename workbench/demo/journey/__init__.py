"""A year of shopping: the Complete Journey as a retailer's systems would deliver it, with invented people and frauds."""
