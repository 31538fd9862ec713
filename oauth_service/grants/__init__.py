"""The life of a grant: consent, refresh, disconnection, and the token endpoint's answers."""
