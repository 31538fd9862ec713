"""Codes, client authentication and the shape of token answers."""

import base64
import hashlib
from collections.abc import Iterator
from hashlib import sha256

import pytest
from pydantic import SecretStr
from support.sandbox import LIKE_GUSTO, LIKE_QUICKBOOKS, LIKE_XERO, REDIRECT, DemoApp, demo_app

from integrations.contracts import unverified_claims

VERIFIER = "v" * 43
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
)


@pytest.fixture(scope="module")
def xero() -> Iterator[DemoApp]:
    with demo_app(LIKE_XERO) as app:
        yield app


@pytest.fixture(scope="module")
def gusto() -> Iterator[DemoApp]:
    with demo_app(LIKE_GUSTO) as app:
        yield app


def test_code_works_once_and_its_second_use_kills_the_grant(xero):
    code = xero.consent()["code"]
    first = xero.exchange(code)
    second = xero.exchange(code)

    assert first.status_code == 200
    assert (second.status_code, second.json()) == (400, {"error": "invalid_grant"})
    assert xero.report(first.json()["access_token"]).status_code == 401


def test_code_expires(xero):
    code = xero.consent()["code"]
    xero.control.advance_clock(301)

    assert xero.exchange(code).json() == {"error": "invalid_grant"}


def test_code_needs_exactly_the_redirect_uri_it_was_sent_to(xero):
    code = xero.consent()["code"]

    assert xero.exchange(code, redirect_uri=REDIRECT + "/").json() == {"error": "invalid_grant"}
    assert xero.exchange(code).status_code == 200


def test_challenged_code_needs_its_verifier(xero):
    code = xero.consent(code_challenge=CHALLENGE, code_challenge_method="S256")["code"]

    assert xero.exchange(code).json() == {"error": "invalid_grant"}
    assert xero.exchange(code, code_verifier="w" * 43).json() == {"error": "invalid_grant"}
    assert xero.exchange(code, code_verifier=VERIFIER).status_code == 200


def test_provider_without_pkce_ignores_a_challenge(gusto):
    code = gusto.consent(code_challenge=CHALLENGE, code_challenge_method="S256")["code"]

    assert gusto.exchange(code).status_code == 200


@pytest.mark.parametrize("auth", [("app", "wrong-one"), ("wrong-app", "s3cret"), ("app", "")])
def test_wrong_client_is_unauthorized(xero, auth):
    answer = xero.http.post(
        f"{xero.url}/token", data={"grant_type": "refresh_token", "refresh_token": "x"}, auth=auth
    )

    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


def test_credentials_work_in_the_body_too_where_both_ways_are_accepted(xero):
    refresh_token = xero.connect()["refresh_token"]
    answer = xero.http.post(
        f"{xero.url}/token",
        data={
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": "app",
            "client_secret": "s3cret",
            "scope": "an unknown field",
        },
    )

    assert answer.status_code == 200


def test_basic_credentials_are_refused_where_only_the_body_counts(gusto):
    answer = gusto.http.post(
        f"{gusto.url}/token",
        data={"grant_type": "refresh_token", "refresh_token": "x"},
        auth=("app", "s3cret"),
    )

    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


def test_secret_in_the_query_is_refused_and_not_logged(gusto):
    answer = gusto.http.post(
        f"{gusto.url}/token?client_secret=s3cret", data={"grant_type": "refresh_token"}
    )

    assert answer.status_code == 400
    assert gusto.control.calls("token")[-1]["query"] == {"client_secret": "***"}


def test_json_body_is_read_where_the_provider_reads_it(xero, gusto):
    def body(app):
        return {
            "grant_type": "authorization_code",
            "code": app.consent()["code"],
            "redirect_uri": REDIRECT,
            "client_id": "app",
            "client_secret": "s3cret",
        }

    assert gusto.http.post(f"{gusto.url}/token", json=body(gusto)).status_code == 200
    assert xero.http.post(f"{xero.url}/token", json=body(xero)).status_code == 400


@pytest.mark.parametrize("content", [b"[]", b"{", b"\xff"])
def test_malformed_json_body_is_an_invalid_request(gusto, content):
    answer = gusto.http.post(
        f"{gusto.url}/token", content=content, headers={"Content-Type": "application/json"}
    )

    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


def test_unknown_grant_type_is_refused_by_name(xero):
    assert xero.token(grant_type="password").json() == {"error": "unsupported_grant_type"}


def test_xero_like_answer_has_exactly_the_documented_keys_each_time(xero):
    first = xero.connect()
    second = xero.refresh(first["refresh_token"]).json()

    keys = {"access_token", "scope", "expires_in", "token_type", "refresh_token", "id_token"}
    assert set(first) == set(second) == keys
    assert (first["expires_in"], first["token_type"]) == (1800, "Bearer")
    assert first["scope"] == "offline_access reports.read"


def test_gusto_like_answer_has_exactly_the_documented_keys(gusto):
    answer = gusto.connect(scope="")

    assert list(answer) == [
        "access_token", "token_type", "expires_in", "refresh_token", "created_at", "scope"
    ]  # fmt: skip
    assert answer["scope"] == "companies:read employees:read"
    assert answer["access_token"].count(".") == 0


def test_access_jwt_names_consent_user_and_scopes(xero):
    first = xero.connect("org-1", user_id="alice")
    other = xero.connect("org-2", user_id="alice")
    claims = unverified_claims(SecretStr(first["access_token"]))
    others = unverified_claims(SecretStr(other["access_token"]))

    assert claims["scope"] == ["offline_access", "reports.read"]
    assert claims["exp"] - claims["nbf"] == 1800
    assert claims["xero_userid"] == others["xero_userid"]
    assert claims["authentication_event_id"] != others["authentication_event_id"]
    assert unverified_claims(SecretStr(first["id_token"]))["aud"] == "app"


def test_consent_id_in_the_jwt_stays_over_a_refresh(xero):
    first = xero.connect()
    second = xero.refresh(first["refresh_token"]).json()

    before, after = (
        unverified_claims(SecretStr(answer["access_token"])) for answer in (first, second)
    )
    assert before["authentication_event_id"] == after["authentication_event_id"]


def test_token_answers_are_not_to_be_stored_by_caches(xero):
    answer = xero.exchange(xero.consent()["code"])

    assert answer.headers["cache-control"] == "no-store"


def test_app_without_a_secret_uses_its_id_alone_where_that_is_allowed(xero):
    code = xero.consent(code_challenge=CHALLENGE, code_challenge_method="S256")["code"]
    answer = xero.http.post(
        f"{xero.url}/token",
        data={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "client_id": "app",
            "code_verifier": VERIFIER,
        },
    )

    assert answer.status_code == 200


def test_company_arrives_on_the_redirect_where_the_provider_puts_it_there():
    with demo_app(LIKE_QUICKBOOKS) as app:
        redirect = app.consent("org-2")
        answer = app.exchange(redirect["code"]).json()

    assert redirect["realmId"] == "org-2"
    assert list(answer) == [
        "token_type", "expires_in", "refresh_token", "x_refresh_token_expires_in", "access_token"
    ]  # fmt: skip
    assert answer["token_type"] == "bearer"


def test_state_file_holds_no_token_of_a_provider_that_never_returns_one_twice(tmp_path):
    with demo_app(LIKE_XERO, state_dir=tmp_path) as app:
        answer = app.connect()
    saved = (tmp_path / "demobooks.jsonl").read_text()

    assert answer["refresh_token"] not in saved
    assert answer["access_token"] not in saved
    assert sha256(answer["refresh_token"].encode()).hexdigest() in saved
