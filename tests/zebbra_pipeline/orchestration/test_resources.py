"""The service key is sent by https, or to this machine."""

from typing import cast

import pytest

from integrations.contracts import ConfigurationError
from integrations.runtime.http import HttpSession
from integrations.runtime.settings import load_settings
from zebbra_pipeline.orchestration.resources import Connections

NEVER_USED = cast("HttpSession", None)


@pytest.mark.parametrize("url", ["http://connect.example.com", "http://192.0.2.7:8765"])
def test_service_key_is_not_sent_in_plain_text_to_another_machine(url: str) -> None:
    connections = Connections(oauth_url=url, service_key="of-this-test")

    with pytest.raises(ConfigurationError, match=r"^oauth_url: expected https, or a loopback host"):
        connections.service(NEVER_USED, load_settings({}))


@pytest.mark.parametrize("url", ["https://connect.example.com", "http://127.0.0.1:8765"])
def test_service_key_is_sent_by_https_or_to_this_machine(url: str) -> None:
    connections = Connections(oauth_url=url, service_key="of-this-test")

    assert connections.service(NEVER_USED, load_settings({}))._url == url
