"""Integrations: what a provider plugin promises, the plugins, and what finds and runs them."""
