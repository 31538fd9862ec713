import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from integrations.contracts import ConfigurationError
from integrations.runtime.keyfiles import generated_keys
from integrations.runtime.registry import load_registry
from integrations.runtime.settings import load_settings, running_services_file

ROOT = Path(__file__).parents[3]


def test_everything_local_follows_from_home(tmp_path):
    settings = load_settings({"ZEBBRA_HOME": str(tmp_path)})

    assert settings.warehouse == str(tmp_path / "warehouse.duckdb")
    assert settings.published == tmp_path / "published.duckdb"
    assert settings.models == tmp_path / "models"
    assert settings.oauth_database == f"sqlite:///{tmp_path}/oauth.sqlite"
    assert (settings.history_months, settings.refresh_months) == (24, 11)
    assert settings.oauth_url == "http://localhost:8765"


def test_the_environment_wins_over_the_env_file(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("ZEBBRA_HISTORY_MONTHS=36\nZEBBRA_REFRESH_MONTHS=5\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZEBBRA_HISTORY_MONTHS", "12")

    settings = load_settings()

    assert (settings.history_months, settings.refresh_months) == (12, 5)


@pytest.mark.parametrize("value", ["x", "0", "121", "1.5"])
def test_a_malformed_number_fails_by_name(value):
    with pytest.raises(ConfigurationError, match=f"ZEBBRA_HISTORY_MONTHS: .*{re.escape(value)}"):
        load_settings({"ZEBBRA_HISTORY_MONTHS": value})


@pytest.mark.parametrize("value", ["localhost:8765", "ftp://x/", "http://", "https://h/?key=s3"])
def test_a_malformed_url_fails_by_name_without_its_value(value):
    with pytest.raises(ConfigurationError, match="ZEBBRA_OAUTH_URL") as refusal:
        load_settings({"ZEBBRA_OAUTH_URL": value})

    assert value not in str(refusal.value)


def test_a_log_format_is_text_unless_set_and_another_fails_by_name():
    assert load_settings({}).oauth_log_format == "text"
    assert load_settings({"ZEBBRA_OAUTH_LOG_FORMAT": "json"}).oauth_log_format == "json"
    with pytest.raises(ConfigurationError, match=r"ZEBBRA_OAUTH_LOG_FORMAT: .*'xml'"):
        load_settings({"ZEBBRA_OAUTH_LOG_FORMAT": "xml"})


def test_an_integrations_settings_go_by_its_slug(tmp_path):
    settings = load_settings(
        {
            "ZEBBRA_HOME": str(tmp_path),
            "XERO_CLIENT_ID": "id",
            "XERO_CLIENT_SECRET": "s3cret",
            "XERO_SCOPES": "a b,c",
            "XERO_API_BASE_URL": "http://localhost:1/x",
        }
    )

    xero = settings.integration("xero")
    assert (xero.client_id, xero.scopes, xero.api_base_url) == (
        "id",
        ("a", "b", "c"),
        "http://localhost:1/x",
    )
    assert settings.integration("gusto").client_id is None
    assert "s3cret" not in repr(xero) + repr(settings)


def test_keys_are_made_once_readable_by_the_owner_only(tmp_path):
    settings = load_settings({"ZEBBRA_HOME": str(tmp_path / "home")})

    key, again = settings.service_key(), settings.service_key()

    assert key == again
    assert len(key.get_secret_value()) >= 32
    assert stat.S_IMODE((tmp_path / "home" / "service.key").stat().st_mode) == 0o600


def test_a_key_file_that_others_can_read_is_refused(tmp_path):
    settings = load_settings({"ZEBBRA_HOME": str(tmp_path)})
    settings.encryption_keys()
    (tmp_path / "encryption.keys").chmod(0o640)

    with pytest.raises(ConfigurationError, match=r"mode 0640.*chmod 600"):
        settings.encryption_keys()


def test_many_threads_that_make_a_key_at_once_get_the_same_one(tmp_path):
    counter = iter(range(100))
    with ThreadPoolExecutor(8) as pool:
        keys = list(
            pool.map(
                lambda _: generated_keys(tmp_path / "k", lambda: f"key-{next(counter)}"), range(8)
            )
        )

    assert len(set(keys)) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["k"]


def test_the_example_file_lists_every_setting():
    listed = set(re.findall(r"^#?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    core = {
        "HOME", "WAREHOUSE", "PUBLISHED", "MODELS", "OAUTH_URL", "OAUTH_DATABASE", "OAUTH_LOG_FORMAT", "SERVICE_KEY",
        "OAUTH_CONNECTIONS", "OAUTH_CONNECTIONS_PER_ADDRESS",
        "ENCRYPTION_KEYS", "HISTORY_MONTHS", "REFRESH_MONTHS",
        "WORKSPACES_PER_RUN", "REFRESH_CRON", "FULL_CRON", "CHECK_CRON", "TIMEZONE",
    }  # fmt: skip
    own = {
        "CLIENT_ID", "CLIENT_SECRET", "SCOPES", "AUTHORIZE_URL", "TOKEN_URL", "REVOKE_URL",
        "API_BASE_URL",
    }  # fmt: skip
    expected = {f"ZEBBRA_{name}" for name in core} | {
        f"{plugin.slug.upper()}_{name}" for plugin in load_registry() for name in own
    }
    with_a_day = [plugin.slug for plugin in load_registry() if plugin.api.limits.per_day]
    expected |= {f"{slug.upper()}_CALLS_PER_DAY" for slug in with_a_day}

    assert listed == expected


def test_a_running_sandbox_is_found_by_other_terminals(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZEBBRA_HOME", str(tmp_path))
    running_services_file(tmp_path).write_text(
        "XERO_CLIENT_ID=zebbra-sandbox\nXERO_API_BASE_URL=http://localhost:9/xero/\n"
    )

    assert load_settings().integration("xero").api_base_url == "http://localhost:9/xero/"


def test_a_sandbox_never_stands_in_for_an_app_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZEBBRA_HOME", str(tmp_path))
    running_services_file(tmp_path).write_text(
        "XERO_CLIENT_ID=zebbra-sandbox\nXERO_API_BASE_URL=http://localhost:9/xero/\n"
        "GUSTO_CLIENT_ID=zebbra-sandbox\n"
    )
    (tmp_path / ".env").write_text("XERO_CLIENT_ID=my-own\n")

    settings = load_settings()
    assert settings.integration("xero").client_id == "my-own"
    assert settings.integration("xero").api_base_url is None
    assert settings.integration("gusto").client_id == "zebbra-sandbox"


def test_calls_a_day_are_a_number_or_refused_by_name():
    given = load_settings({"XERO_CALLS_PER_DAY": "1000"})

    assert given.integration("xero").calls_per_day == 1000
    assert given.integration("gusto").calls_per_day is None
    for wrong in ("0", "-5", "many", "1e3"):
        with pytest.raises(ConfigurationError) as raised:
            load_settings({"XERO_CALLS_PER_DAY": wrong}).integration("xero")
        assert str(raised.value) == (
            f"XERO_CALLS_PER_DAY: expected a whole number from 1, found {wrong!r}"
        )
