"""What ingestion would make of a file, before it is landed."""
