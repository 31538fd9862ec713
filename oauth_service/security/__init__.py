"""Encryption, keys, signed links and browser sessions."""
