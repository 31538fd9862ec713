"""
Fixtures of the OAuth service's tests.

`ZEBBRA_TEST_DATABASE` (a SQLAlchemy URL of an empty PostgreSQL database) runs those that ask a
running service on it instead of SQLite.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from support.oauth_fixtures import browser, rig, running
from support.postgres import Postgres, PostgresMissingError, running_postgres

from oauth_service.store import Store

__all__ = ["browser", "rig", "running"]

KINDS = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgres))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL on loopback; tests that need one are skipped, with the reason, without it."""
    with ExitStack() as exits:
        try:
            server = exits.enter_context(running_postgres())
        except PostgresMissingError as exc:
            pytest.skip(f"not run on PostgreSQL: {exc}")
        yield server


@pytest.fixture(params=KINDS)
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes empty databases; each test that asks runs on both kinds."""
    return _databases(request, tmp_path)


@pytest.fixture(scope="module", params=KINDS)
def shared_database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Where the store of a module's tests is to be: each test that asks runs on both."""
    return _databases(request, tmp_path_factory.mktemp("database"))()


@pytest.fixture
def database_url(new_database: Callable[[], str]) -> str:
    """Where a store is to be: each test that asks runs on both."""
    return new_database()


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store(database_url, [SecretStr(Fernet.generate_key().decode())])
    yield opened
    opened.close()


def _databases(request: pytest.FixtureRequest, folder: Path) -> Callable[[], str]:
    """Return what makes empty databases of the kind that *request* is for."""
    if request.param == "sqlite":
        files = (folder / f"oauth{number or ''}.sqlite" for number in count())
        return lambda: f"sqlite:///{next(files)}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database
