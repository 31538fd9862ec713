"""Fixtures of tests that attack a running OAuth service."""

from support.oauth_fixtures import browser, rig, running

__all__ = ["browser", "rig", "running"]
