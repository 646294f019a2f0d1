"""Pages for people, which open offline and run nothing."""
