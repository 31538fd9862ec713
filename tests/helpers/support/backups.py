"""Backups as the tests take them: the environment that both sides' processes read, and the rig's."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from support.oauth_rig import PATIENCE, REGISTRY, Person, Pipeline, Rig, free_port

from integrations.runtime.settings import load_settings
from integrations.sandbox_kit import serve_in_thread
from oauth_service import create_app


@contextmanager
def environment(values: Mapping[str, str | Path]) -> Iterator[None]:
    """Set variables until the block ends, for this process and those that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, str(value))
        yield


@contextmanager
def another_service(rig: Rig, database_url: str) -> Iterator[Rig]:
    """Run a second service of *rig*'s provider, clock and keys, on the store at *database_url*."""
    port = free_port()
    environ = {
        **rig.environment,
        "ZEBBRA_OAUTH_DATABASE": database_url,
        "ZEBBRA_OAUTH_URL": f"http://localhost:{port}",
    }
    settings = load_settings(environ)
    app = create_app(settings, REGISTRY, clock=rig.clock.now, policy=PATIENCE)
    with serve_in_thread(app, port=port) as url:
        other = replace(
            rig,
            app=app,
            url=url,
            settings=settings,
            environment=environ,
            services=app.state.services,
            pipeline=Pipeline(url),
            person=Person(url),
            people=[],
        )
        try:
            yield other
        finally:
            other.close()
