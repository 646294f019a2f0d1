"""Parameters of notebooks: declared in their first cell, given by callers, checked before anything runs."""
