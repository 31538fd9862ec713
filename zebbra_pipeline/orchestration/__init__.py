"""Dagster: assets, checks, automation, resources, and what they show."""
