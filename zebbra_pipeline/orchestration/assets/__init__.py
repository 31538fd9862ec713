"""Dagster assets, built from the registry: no code per provider."""
