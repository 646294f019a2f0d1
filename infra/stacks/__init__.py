"""The stacks, one a file; none grants anything to another, ``infra.grants`` does."""
