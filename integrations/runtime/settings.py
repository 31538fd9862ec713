"""
The one place that reads the environment.

A `.env` file in the working directory counts; the environment wins over it. A malformed
setting fails by name when it is read, which every command does first. `.env.example` lists
all settings.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError

from integrations.contracts import ConfigurationError, IntegrationSettings
from integrations.runtime.keyfiles import generated_keys
from integrations.runtime.urls import check_oauth_url, check_url

_INTEGRATION_FIELDS = (
    "client_id",
    "client_secret",
    "authorize_url",
    "token_url",
    "revoke_url",
    "api_base_url",
)
_LARGEST = {
    "history_months": 120,
    "refresh_months": 120,
    "workspaces_per_run": 1000,
    "oauth_connections": 100_000,
    "oauth_connections_per_address": 100_000,
}
_READ_AS_THEY_ARE = (
    *_LARGEST,
    "oauth_log_format",
    "refresh_cron",
    "full_cron",
    "check_cron",
    "timezone",
)
_EMPTY_MEANS_NEVER = ("full_cron", "check_cron")


LOG_FORMATS = ("text", "json")
SHORTEST_SERVICE_KEY = 32
_NEW_SERVICE_KEY = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"


class Settings(BaseModel):
    """
    Settings of the OAuth service and the pipeline; see `.env.example` for their meaning.

    Attributes:
        home: Absolute folder of everything local.
        warehouse: DuckDB file, or another target that DuckDB can attach.
        oauth_url: Where the OAuth service is reached; no slash at its end.
        oauth_database: SQLAlchemy URL of the token store.
        oauth_log_format: How the OAuth service writes its log, one of `LOG_FORMATS`.
        oauth_connections: The most HTTP connections that the OAuth service keeps open; fewer where
            the process may not open so many files.
        oauth_connections_per_address: The most of them for one address without the service key.
        workspaces_per_run: The most workspaces in one Dagster run.
        refresh_cron: When all workspaces are refreshed, in *timezone*.
        full_cron: When their whole history is fetched again; empty for never.
        check_cron: When what has landed is checked, without a fetch; empty for never.
    """

    model_config = ConfigDict(frozen=True)
    PREFIX: ClassVar[str] = "ZEBBRA_"

    home: Path
    warehouse: str
    published: Path
    models: Path
    oauth_url: str = "http://localhost:8765"
    oauth_database: str
    oauth_log_format: str = LOG_FORMATS[0]
    oauth_connections: int = Field(default=1000, ge=1, le=_LARGEST["oauth_connections"])
    oauth_connections_per_address: int = Field(
        default=100, ge=1, le=_LARGEST["oauth_connections_per_address"]
    )
    history_months: int = Field(default=24, ge=1, le=_LARGEST["history_months"])
    refresh_months: int = Field(default=11, ge=1, le=_LARGEST["refresh_months"])
    workspaces_per_run: int = Field(default=50, ge=1, le=_LARGEST["workspaces_per_run"])
    refresh_cron: str = "0 6 * * *"
    full_cron: str = "0 3 * * 0"
    check_cron: str = "30 7 * * *"
    timezone: str = "UTC"
    _environ: Mapping[str, str] = PrivateAttr(default_factory=dict)

    @property
    def dagster_home(self) -> Path:
        """Where Dagster keeps its runs when this project starts it."""
        return self.home / "dagster"

    def service_key(self) -> SecretStr:
        """
        Return what the pipeline shows to the token API.

        `ZEBBRA_SERVICE_KEY`, or the first line of `service.key` in `home`, which is made
        with mode 0600 when it is missing.

        Raises:
            ConfigurationError: If the key is shorter than `SHORTEST_SERVICE_KEY`, or that file can
                be read by others.
        """
        given = self._environ.get("ZEBBRA_SERVICE_KEY")
        if given:
            return _long_enough(SecretStr(given), "ZEBBRA_SERVICE_KEY")
        path = self.home / "service.key"
        key = generated_keys(path, lambda: secrets.token_urlsafe(32))[0]
        return _long_enough(key, f"{path}: the service key in it")

    def encryption_keys(self) -> tuple[SecretStr, ...]:
        """
        Return the keys of the token store, newest first.

        `ZEBBRA_ENCRYPTION_KEYS`, or the lines of `encryption.keys` in `home`, which is made
        with mode 0600 when it is missing.

        Raises:
            ConfigurationError: If a key is malformed or that file can be read by others.
        """
        given = self._environ.get("ZEBBRA_ENCRYPTION_KEYS")
        if given:
            return tuple(SecretStr(key.strip()) for key in given.split(",") if key.strip())
        return generated_keys(self.home / "encryption.keys", _new_encryption_key)

    def encryption_key_file(self) -> Path | None:
        """Return the file that the keys of the token store are in; None if a setting has them."""
        given = self._environ.get("ZEBBRA_ENCRYPTION_KEYS")
        return None if given else self.home / "encryption.keys"

    def integration(self, slug: str) -> IntegrationSettings:
        """
        Return what the operator set for one integration, e.g. `XERO_CLIENT_ID`.

        Raises:
            ConfigurationError: If one of its URLs or its calls a day are malformed, by name.
        """
        prefix = f"{slug.upper()}_"
        values: dict[str, Any] = {}
        for name in _INTEGRATION_FIELDS:
            value = self._environ.get(prefix + name.upper(), "").strip()
            if not value:
                continue
            if name.endswith("_url"):
                check_url(prefix + name.upper(), value)
            values[name] = value
        scopes = self._environ.get(f"{prefix}SCOPES", "").replace(",", " ").split()
        if scopes:
            values["scopes"] = tuple(scopes)
        calls = self._environ.get(f"{prefix}CALLS_PER_DAY", "").strip()
        if calls:
            values["calls_per_day"] = _count(f"{prefix}CALLS_PER_DAY", calls)
        return IntegrationSettings(**values)


def read_environment() -> dict[str, str]:
    """
    Return the process's environment over the `.env` file of the working directory.

    Below both stands what a running `zebbra dev` left in `ZEBBRA_HOME` for other terminals:
    the addresses of its services. An integration whose own app is configured takes none of it.
    """
    given = {**_in_file(Path(".env")), **os.environ}
    running = _in_file(running_services_file(_home(given.get("ZEBBRA_HOME", ""))))
    configured = tuple(
        name.removesuffix("CLIENT_ID")
        for name, value in given.items()
        if name.endswith("_CLIENT_ID") and value and value != running.get(name)
    )
    return {
        **{name: value for name, value in running.items() if not name.startswith(configured)},
        **given,
    }


def running_services_file(home: Path) -> Path:
    """Return where a running `zebbra dev` tells other terminals of its services."""
    return home / "running.env"


def _in_file(path: Path) -> dict[str, str]:
    return {name: value for name, value in dotenv_values(path).items() if value is not None}


def _home(given: str) -> Path:
    return Path(given.strip() or ".zebbra").expanduser().absolute()


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """
    Read all settings.

    Args:
        environ: Read these instead of the environment and the `.env` file.

    Raises:
        ConfigurationError: If a setting is malformed, by name.
    """
    env = read_environment() if environ is None else dict(environ)
    given = {
        key.removeprefix(Settings.PREFIX).lower(): value.strip()
        for key, value in env.items()
        if key.startswith(Settings.PREFIX) and value.strip()
    }
    home = _home(given.get("home", ""))
    values: dict[str, Any] = {
        "home": home,
        "warehouse": _local(given.get("warehouse"), home / "warehouse.duckdb"),
        "published": Path(given.get("published", home / "published.duckdb")).absolute(),
        "models": Path(given.get("models", home / "models")).absolute(),
        "oauth_database": given.get("oauth_database", f"sqlite:///{home / 'oauth.sqlite'}"),
    }
    if "oauth_url" in given:
        check_oauth_url("ZEBBRA_OAUTH_URL", given["oauth_url"])
        values["oauth_url"] = given["oauth_url"].rstrip("/")
    for name in _READ_AS_THEY_ARE:
        if name in given:
            values[name] = given[name]
    if "oauth_log_format" in given and given["oauth_log_format"] not in LOG_FORMATS:
        raise ConfigurationError(
            f"ZEBBRA_OAUTH_LOG_FORMAT: expected one of {', '.join(LOG_FORMATS)}, "
            f"found {given['oauth_log_format']!r}"
        )
    if "timezone" in given:
        _check_timezone("ZEBBRA_TIMEZONE", given["timezone"])
    for name in _EMPTY_MEANS_NEVER:
        if not env.get(Settings.PREFIX + name.upper(), "unset").strip():
            values[name] = ""
    try:
        settings = Settings(**values)
    except ValidationError as exc:
        problem = exc.errors()[0]
        name = Settings.PREFIX + str(problem["loc"][0]).upper()
        raise ConfigurationError(
            f"{name}: expected a whole number from 1 to {_LARGEST[str(problem['loc'][0])]}, "
            f"found {problem['input']!r}"
        ) from exc
    settings._environ = env  # noqa: SLF001 -- pydantic sets private attributes only afterwards
    return settings


def _local(target: str | None, default: Path) -> str:
    if target is None:
        return str(default)
    is_file = ":" not in target.split("/", 1)[0]
    return str(Path(target).expanduser().absolute()) if is_file else target


def _check_timezone(name: str, value: str) -> None:
    try:
        ZoneInfo(value)
    except (LookupError, ValueError, OSError):  # an absolute path, a folder, an unknown name
        raise ConfigurationError(
            f"{name}: expected a time zone such as 'Europe/London', found {value!r}"
        ) from None


def _count(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and int(value)):
        raise ConfigurationError(f"{name}: expected a whole number from 1, found {value!r}")
    return int(value)


def _long_enough(key: SecretStr, where: str) -> SecretStr:
    found = len(key.get_secret_value())
    if found < SHORTEST_SERVICE_KEY:
        raise ConfigurationError(
            f"{where}: expected at least {SHORTEST_SERVICE_KEY} characters, found {found}; "
            f"make a key with: {_NEW_SERVICE_KEY}"
        )
    return key


def _new_encryption_key() -> str:
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()
