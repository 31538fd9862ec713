"""The `zebbra` command: one module a command. Dagster is imported only where needed."""
