"""The lake: accepted rows as Parquet files in S3, and their tables in Glue's catalogue."""
