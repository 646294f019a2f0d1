"""Files into raw: read, checked row by row, and accounted for."""
