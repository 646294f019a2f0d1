"""COPY and UNLOAD at work: files in S3 to rows of a table, rows of a query to files in S3."""
