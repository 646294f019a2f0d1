"""What clients connect to: a listener, a session for each client, and the work that PostgreSQL can't do for it."""
