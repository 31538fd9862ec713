"""Keys and tokens travel by https, or stay on this machine."""

import pytest

from integrations.contracts import ConfigurationError
from integrations.runtime.settings import load_settings
from integrations.runtime.urls import check_oauth_url


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8765",
        "http://LOCALHOST",
        "http://127.0.0.1:9000/zebbra",
        "http://127.8.9.10",
        "http://[::1]:8765",
        "https://connect.example",
        "https://192.0.2.7:8443/zebbra",
    ],
)
def test_https_and_this_machine_are_accepted(url):
    assert load_settings({"ZEBBRA_OAUTH_URL": url}).oauth_url == url


@pytest.mark.parametrize(
    "host",
    [
        "connect.example",
        "oauth:8765",
        "192.0.2.7",
        "0.0.0.0",  # noqa: S104 -- an address of no loopback
        "[2001:db8::1]:80",
        "[::ffff:192.0.2.7]",
        "localhost.example",
        "127.0.0.1.example",
        "localhost@connect.example",
    ],
)
def test_plain_http_to_another_host_is_refused_and_told_what_to_do(host):
    with pytest.raises(ConfigurationError) as refusal:
        load_settings({"ZEBBRA_OAUTH_URL": f"http://{host}/"})

    assert str(refusal.value) == (
        "ZEBBRA_OAUTH_URL: expected https, or a loopback host such as localhost, found http and "
        "another host; set it to the https URL of the proxy that ends TLS, and let the service "
        "listen behind it with --host and --port"
    )


@pytest.mark.parametrize("name", ["AUTHORIZE_URL", "TOKEN_URL", "REVOKE_URL", "API_BASE_URL"])
def test_plain_http_to_another_host_is_refused_for_providers_too(name):
    settings = load_settings({f"XERO_{name}": "http://192.0.2.7/xero"})
    sandbox = load_settings({f"XERO_{name}": "http://localhost:8766/xero"})

    with pytest.raises(ConfigurationError) as refusal:
        settings.integration("xero")
    assert str(refusal.value) == (
        f"XERO_{name}: expected https, or a loopback host such as localhost, found http and "
        "another host; use https"
    )
    assert getattr(sandbox.integration("xero"), name.lower()) == "http://localhost:8766/xero"


@pytest.mark.parametrize("url", ["http://localhost:port", "http://[::1", "http://localhost:0"])
def test_broken_ports_and_hosts_are_malformed_and_not_repeated(url):
    with pytest.raises(ConfigurationError, match="the setting: expected a URL") as refusal:
        check_oauth_url("the setting", url)

    assert url not in str(refusal.value)
