"""Logs, metrics, health and request context."""
