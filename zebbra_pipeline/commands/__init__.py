"""The `zebbra` commands, grouped by what they are about. Dagster is imported only where needed."""
