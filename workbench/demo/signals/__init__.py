"""Generated events of visitors and readings of sensors, beside sales that are real or generated."""
