"""Faults in the data: which cells of a table are improbable given the others, and which batches have too many."""
