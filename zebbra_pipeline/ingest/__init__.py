"""Fetches workspaces from the providers and lands them in the warehouse, without Dagster."""
