"""Below and beside the departments: the stores and categories that sell the most, and where a day went astray."""
