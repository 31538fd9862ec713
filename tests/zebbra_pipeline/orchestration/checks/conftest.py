"""An OAuth service that lists what a test tells it."""

import pytest
from support.connection_rows import list_connections
from support.scripted_server import scripted_server


@pytest.fixture
def service(monkeypatch, tmp_path):
    """Return a function that makes the OAuth service list these connections to Xero."""
    monkeypatch.setenv("ZEBBRA_HOME", str(tmp_path / "home"))
    with scripted_server() as server:
        monkeypatch.setenv("ZEBBRA_OAUTH_URL", server.url)

        def serve(*rows):
            list_connections(server, rows)

        serve()
        yield serve
