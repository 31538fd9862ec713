"""An OAuth service that lists what a test tells it."""

import pytest
from support.scripted_server import Reply, scripted_server


@pytest.fixture
def service(monkeypatch, tmp_path):
    """Return a function that makes the OAuth service list these connections to Xero."""
    monkeypatch.setenv("ZEBBRA_HOME", str(tmp_path / "home"))
    with scripted_server() as server:
        monkeypatch.setenv("ZEBBRA_OAUTH_URL", server.url)

        def serve(*rows):
            server.answer("/api/connections", Reply(body={"connections": rows, "cursor": "1"}))

        serve()
        yield serve
