"""Metadata keys, tables and charts that Dagster shows. No other package knows the keys."""
