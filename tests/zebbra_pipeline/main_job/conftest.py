from datetime import date

import pytest
from support.stack import Stack, running_stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """Everything running as of the end of February 2025, with acme and globex connected."""
    home = tmp_path_factory.mktemp("stack")
    with running_stack(home, today=date(2025, 2, 28)) as running:
        running.connect("acme", xero="Acme Trading Inc", gusto="Acme Trading Inc")
        running.connect("globex", xero="Globex")
        yield running


@pytest.fixture
def fresh(tmp_path) -> Stack:
    """Everything running, nothing connected yet."""
    with running_stack(tmp_path, today=date(2025, 2, 28)) as running:
        yield running
