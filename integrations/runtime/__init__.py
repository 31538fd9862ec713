"""Finds and runs plugins: registry, settings, HTTP client."""
