"""What the platform says of its own data: the ledger, what was withdrawn, alerts, and what checks found."""
