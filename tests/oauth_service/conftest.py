"""
Fixtures of the OAuth service's tests.

`ZEBBRA_TEST_DATABASE` (a SQLAlchemy URL of an empty PostgreSQL database) runs them on it
instead of SQLite.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from support.oauth_rig import Rig, running_rig

from oauth_service.store import Store
from oauth_service.store.schema import metadata


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    database = os.environ.get("ZEBBRA_TEST_DATABASE")
    overrides = {"ZEBBRA_OAUTH_DATABASE": database} if database else {}
    with running_rig(tmp_path_factory.mktemp("oauth") / "home", overrides=overrides) as rig:
        yield rig


@pytest.fixture
def rig(running: Rig) -> Rig:
    """A service and a provider to which nothing has happened yet."""
    running.reset()
    return running


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(
        os.environ.get("ZEBBRA_TEST_DATABASE", f"sqlite:///{tmp_path / 'oauth.sqlite'}"),
        [SecretStr(Fernet.generate_key().decode())],
    )
    with opened._database.writing() as transaction:
        for table in metadata.sorted_tables:
            if table.name != "numbers":
                transaction.execute(table.delete())
    yield opened
    opened.close()
