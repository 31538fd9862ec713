from collections.abc import Iterator

import pytest
from support.oauth_rig import Rig, running_rig


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running_rig(tmp_path_factory.mktemp("oauth") / "home") as rig:
        yield rig


@pytest.fixture
def rig(running: Rig) -> Rig:
    """A service and a provider to which nothing has happened yet."""
    running.reset()
    return running
