from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pydantic import SecretStr

from integrations.contracts import (
    ConfigurationError,
    IntegrationOAuth,
    IntegrationProvider,
    IntegrationSettings,
    PayloadError,
    Tenant,
    add_months,
    check_workspace_id,
    month_ends,
    months_back,
    parse_amount,
    unverified_claims,
)


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("1234.50", Decimal("1234.50")),
        (" -119.00 ", Decimal("-119.00")),
        (12, Decimal(12)),
        (Decimal("0.1"), Decimal("0.1")),
        ("0.0001", Decimal("0.0001")),
    ],
)
def test_amounts_are_read_exactly(value, amount):
    assert parse_amount(value, "here") == amount


@pytest.mark.parametrize(
    "value", [1.5, None, True, "1,234.50", "12e3", "", "NaN", "1.00001", "123456789012345", "٣"]
)
def test_anything_but_a_plain_amount_is_refused_without_repeating_it(value):
    with pytest.raises(PayloadError, match="rows\\[3\\]") as refusal:
        parse_amount(value, "rows[3]")

    assert not value or str(value) not in str(refusal.value)


def test_months_are_named_by_their_ends_across_years_and_leap_days():
    assert month_ends(date(2023, 12, 5), date(2024, 3, 1)) == (
        date(2023, 12, 31),
        date(2024, 1, 31),
        date(2024, 2, 29),
        date(2024, 3, 31),
    )
    assert add_months(date(2024, 1, 31), -14) == date(2022, 11, 30)
    assert months_back(date(2026, 11, 24), 24) == date(2024, 12, 31)


@pytest.mark.parametrize("good", ["acme", "A-1_b", "x" * 64])
def test_workspace_ids_of_the_documented_form_pass(good):
    assert check_workspace_id(good) == good


@pytest.mark.parametrize("bad", ["", "a|b", "a...b", "a b", "x" * 65, "acme\n", None, "é"])
def test_other_workspace_ids_are_refused_with_an_example(bad):
    with pytest.raises(ValueError, match="such as 'acme'"):
        check_workspace_id(bad)


@pytest.mark.parametrize("bad", ["", "Xero UK", "quick-books", "Xéro"])
def test_integration_names_are_letters_and_digits(bad):
    with pytest.raises(ValueError, match="letters and digits"):
        IntegrationProvider(bad)


class ToyOAuth(IntegrationOAuth):
    authorize_url = "https://toy.example/authorize?tenant=all"
    token_url = "https://toy.example/token"
    revoke_url = "https://toy.example/revoke"
    scopes = ("read", "offline")

    async def find_tenants(self, client, grant):
        return ()


def an_app(oauth=None, **settings):
    given = IntegrationSettings(client_id="id", client_secret=SecretStr("s3cret"), **settings)
    return (oauth or ToyOAuth()).register_oauth_app(
        "toy", given, api_base_url="https://api.toy.example/"
    )


def test_a_missing_client_is_named_by_its_settings():
    with pytest.raises(ConfigurationError, match="TOY_CLIENT_ID and TOY_CLIENT_SECRET"):
        ToyOAuth().register_oauth_app("toy", IntegrationSettings(), api_base_url="https://x/")


def test_settings_win_over_the_plugins_facts():
    app = an_app(scopes=("all",), token_url="http://localhost:1/token")

    assert (app.scopes, app.token_url) == (("all",), "http://localhost:1/token")
    assert app.authorize_url == ToyOAuth.authorize_url


def test_the_login_url_keeps_the_providers_own_query():
    url = ToyOAuth().oauth_login(
        an_app(), redirect_uri="http://localhost/cb", state="s", code_challenge="c"
    )

    assert url == (
        "https://toy.example/authorize?tenant=all&response_type=code&client_id=id"
        "&redirect_uri=http%3A%2F%2Flocalhost%2Fcb&state=s&scope=read+offline"
        "&code_challenge=c&code_challenge_method=S256"
    )


def test_client_authentication_follows_the_fact():
    class InBody(ToyOAuth):
        client_auth = "body"

    basic = ToyOAuth().refresh_request(an_app(), refresh_token=SecretStr("r"), redirect_uri="u")
    body = InBody().refresh_request(an_app(), refresh_token=SecretStr("r"), redirect_uri="u")

    assert basic.basic_auth == ("id", "s3cret")
    assert basic.form == {"grant_type": "refresh_token", "refresh_token": "r"}
    assert body.basic_auth is None
    assert body.form["client_secret"] == "s3cret"


def test_requests_and_tokens_do_not_print_their_secrets():
    request = ToyOAuth().refresh_request(an_app(), refresh_token=SecretStr("r3"), redirect_uri="u")
    tokens = ToyOAuth().token_set(
        {"access_token": "acc3ss", "refresh_token": "r3", "expires_in": 60},
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )

    printed = repr(request) + repr(tokens) + str(tokens) + repr(an_app())
    assert not [secret for secret in ("s3cret", "r3'", "acc3ss") if secret in printed]


def test_a_refresh_without_a_new_refresh_token_keeps_the_old_one():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    first = ToyOAuth().token_set(
        {"access_token": "a", "refresh_token": "r", "expires_in": "60", "scope": "x y"}, now=now
    )
    second = ToyOAuth().token_set({"access_token": "b"}, now=now, previous=first)

    assert second.refresh_token == first.refresh_token
    assert second.scopes == ("x", "y")
    assert (second.lifetime_s, first.lifetime_s) == (3600, 60)


def test_a_token_answer_without_a_token_is_refused():
    with pytest.raises(PayloadError, match="access_token"):
        ToyOAuth().token_set({"refresh_token": "r"}, now=datetime(2026, 1, 1, tzinfo=UTC))


def test_disconnecting_revokes_the_refresh_token_by_default():
    tokens = ToyOAuth().token_set(
        {"access_token": "a", "refresh_token": "r"}, now=datetime(2026, 1, 1, tzinfo=UTC)
    )
    (request,) = ToyOAuth().disconnect_requests(an_app(), tokens, Tenant("t", "T"))

    assert (request.url, request.form) == ("https://toy.example/revoke", {"token": "r"})


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "a.W10.c", "..", ""])
def test_a_token_that_is_no_jwt_has_no_claims(token):
    assert unverified_claims(SecretStr(token)) == {}
