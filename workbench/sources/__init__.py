"""Where data comes from; every source only puts files into landing."""
