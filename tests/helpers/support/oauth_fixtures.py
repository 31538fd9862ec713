"""Fixtures of tests that ask a running OAuth service, some of them in a real browser."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright
from support.oauth_rig import Rig, running_rig

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("needs chromium on the PATH")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield launched
        launched.close()
