"""Connects workspaces to providers and hands out fresh access tokens; see `create_app`."""

from oauth_service.app import create_app

__all__ = ["create_app"]
