"""What a server was asked and answered, kept for the monitor: journals, then Parquet tables."""
