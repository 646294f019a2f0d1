"""The queue that work waits in: SQS, or a SQLite file for a single machine."""
