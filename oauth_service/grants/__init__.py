"""Grants: consent, refresh, rotation, disconnection, and the token endpoint."""
