"""The contract of one row: read from pandera or JSON Schema, checked one by one or by the table."""
