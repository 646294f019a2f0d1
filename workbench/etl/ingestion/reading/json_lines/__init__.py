"""JSON as rows, and its numbers with the digits that they have there."""
