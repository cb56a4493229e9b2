"""The trace store in ClickHouse, for when one SQLite file is outgrown."""
