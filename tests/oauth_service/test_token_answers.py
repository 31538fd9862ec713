"""What a token endpoint's answer means for a connection."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from support.oauth_toy import PLUGIN, ToyOAuth

from integrations.contracts import TokenSet
from integrations.runtime.http import RawAnswer
from oauth_service.grants.token_endpoint import (
    AppRefused,
    Granted,
    GrantRefused,
    Unavailable,
    Verdict,
    read_answer,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def verdict(status: int, body: object, **headers: str) -> Verdict:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(PLUGIN, RawAnswer(status, headers, raw, "https://x.invalid"), now=NOW)


def test_pair_lives_from_when_the_request_was_sent() -> None:
    body = {"access_token": "a", "refresh_token": "r", "expires_in": 1800, "scope": "x y"}
    granted = verdict(200, body, **{"toy-trace": "t-1"})

    assert isinstance(granted, Granted)
    assert granted.tokens.expires_at == NOW + timedelta(minutes=30)
    assert granted.tokens.scopes == ("x", "y")
    assert granted.trace_id == "t-1"


def test_refresh_token_stays_when_the_answer_brings_none() -> None:
    previous = TokenSet(
        access_token=SecretStr("old"),
        refresh_token=SecretStr("kept"),
        expires_at=NOW,
        lifetime_s=1800,
    )
    answer = RawAnswer(200, {}, b'{"access_token": "new"}', "https://x.invalid")
    granted = read_answer(PLUGIN, answer, now=NOW, previous=previous)

    assert isinstance(granted, Granted)
    assert granted.tokens.refresh_token == SecretStr("kept")


@pytest.mark.parametrize("status", [400, 401, 403, 200])
def test_invalid_grant_is_about_the_grant_whatever_the_status(status: int) -> None:
    assert verdict(status, {"error": "invalid_grant"}) == GrantRefused("invalid_grant")


@pytest.mark.parametrize(
    ("status", "body", "settings"),
    [
        (401, {"error": "invalid_client"}, "TOYBOOKS_CLIENT_ID and TOYBOOKS_CLIENT_SECRET"),
        (400, {"error": "invalid_client"}, "TOYBOOKS_CLIENT_ID and TOYBOOKS_CLIENT_SECRET"),
        (401, b"", "TOYBOOKS_CLIENT_ID and TOYBOOKS_CLIENT_SECRET"),
        (400, {"error": "invalid_scope"}, "TOYBOOKS_SCOPES"),
        (
            400,
            {"error": "unauthorized_client"},
            "TOYBOOKS_CLIENT_ID (the app's type and permissions at the provider)",
        ),
        (
            400,
            {"error": "invalid_request"},
            "TOYBOOKS_CLIENT_ID and the app's settings at the provider",
        ),
        (404, b"<html>no such page</html>", "TOYBOOKS_TOKEN_URL"),
    ],
)
def test_faults_of_the_app_name_the_settings(status: int, body: object, settings: str) -> None:
    found = verdict(status, body)

    assert isinstance(found, AppRefused)
    assert found.settings == settings


@pytest.mark.parametrize(
    ("status", "body", "may_be_spent"),
    [
        (429, {"error": "invalid_client"}, False),
        (429, b"slow down", False),
        (500, {"error": "server_error"}, True),
        (503, b"", True),
        (502, b"<html></html>", True),
        (200, b"<html></html>", True),
        (200, b'{"access_token": "a', True),
        (200, {}, True),
        (200, [], True),
        (400, b"<html>Bad Request</html>", True),
        (403, b"<html>Forbidden</html>", True),
        (302, b"", True),
        (400, {"error": "temporarily_unavailable"}, True),
    ],
)
def test_everything_else_may_work_later(status: int, body: object, may_be_spent: bool) -> None:  # noqa: FBT001 -- a table's column
    found = verdict(status, body)

    assert isinstance(found, Unavailable)
    assert found.may_be_spent is may_be_spent


def test_retry_after_is_read_from_a_throttled_answer() -> None:
    found = verdict(429, {}, **{"retry-after": "17"})

    assert isinstance(found, Unavailable)
    assert found.asked_s == 17.0


def test_error_code_that_is_no_code_is_not_repeated() -> None:
    found = verdict(400, {"error": "token eyJ.secret"})

    assert isinstance(found, AppRefused)
    assert found.detail == "an unknown error"


class OwnWords(ToyOAuth):
    """Its token endpoint answers `{"ok": false, "code": "bad_refresh_token"}` with status 200."""

    def token_error(self, answer: Mapping[str, Any]) -> str | None:
        codes = {"bad_refresh_token": "invalid_grant", "bad_app": "invalid_client"}
        return codes.get(answer.get("code", ""))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("bad_refresh_token", GrantRefused("invalid_grant")),
        (
            "bad_app",
            AppRefused("invalid_client", "TOYBOOKS_CLIENT_ID and TOYBOOKS_CLIENT_SECRET"),
        ),
        ("later", Unavailable("an answer without tokens", may_be_spent=True)),
    ],
)
def test_plugin_translates_its_providers_error_codes(code: str, expected: Verdict) -> None:
    raw = json.dumps({"ok": False, "code": code}).encode()
    answer = RawAnswer(200, {}, raw, "https://x.invalid")

    assert read_answer(replace(PLUGIN, oauth=OwnWords()), answer, now=NOW) == expected
