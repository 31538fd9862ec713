"""The page of providers says of each plugin what the plugin says of itself."""

import re
from datetime import timedelta

import pytest
from support.docs import DOCS, page

from integrations.runtime.registry import load_registry
from integrations.runtime.settings import load_settings
from oauth_service.grants.errors import ConsentError, ConsentProblem
from oauth_service.web.connect.errors import of_consent

PAGE = page(DOCS / "providers.md")
PLUGINS = list(load_registry())
SCOPE = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)


@pytest.fixture(params=PLUGINS, ids=lambda plugin: plugin.slug)
def plugin(request):
    return request.param


@pytest.fixture
def section(plugin):
    return " ".join(PAGE.section(plugin.name).split())


def test_no_provider_is_described_that_is_not_there():
    own = {"Common to all providers", "More than one of a kind"}
    headings = set(re.findall(r"^## (.+)$", PAGE.text, re.MULTILINE)) - own

    assert headings == {plugin.name for plugin in PLUGINS}


def test_scopes_are_exactly_the_plugins(plugin):
    assert SCOPE.findall(PAGE.section(plugin.name)) == list(plugin.oauth.scopes)


def test_callback_url_is_the_services_own(plugin, section):
    base = load_settings({}).oauth_url

    assert f"`{base}/integration/{plugin.slug}/callback`" in section


def test_settings_of_the_app_are_named(plugin, section):
    prefix = plugin.slug.upper()

    assert f"`{prefix}_CLIENT_ID` and `{prefix}_CLIENT_SECRET`" in section
    assert plugin.docs_url in section


def test_limits_are_the_plugins(plugin, section):
    limits = plugin.api.limits
    _, _, text = section.partition("**Limits.**")
    text = text.partition("**")[0]
    wanted = [
        (limits.concurrent, "{:,} at once"),
        (limits.per_minute, "{:,} a minute"),
        (limits.per_day, "{:,} a day"),
        (limits.app_per_minute, "{:,} a minute for the app"),
    ]
    phrases = [phrase.format(number) for number, phrase in wanted if number is not None]

    assert [phrase for phrase in phrases if phrase not in text] == []
    assert len(re.findall(r"[\d,]+ (?:a minute|a day|at once)", text)) == len(phrases)
    assert ("each user" in text) is (limits.per == "user")


def test_lifetimes_of_tokens_are_the_plugins(plugin, section):
    _, _, text = section.partition("**Tokens.**")
    oauth = plugin.oauth
    words = {3600: "60 minutes", 1800: "30 minutes", 7200: "two hours"}

    assert f"Access tokens live {words[oauth.access_lifetime_s]}" in text
    if oauth.idle_limit is not None:
        assert f"refresh tokens {oauth.idle_limit.days} days unused" in text
    if oauth.replay_grace is None:
        assert "until the access token that came with its successor is first used" in text
    elif oauth.replay_grace == timedelta(0):
        assert "the old one is invalid at once" in text
    else:
        minutes = round(oauth.replay_grace.total_seconds() / 60)
        assert f"the old one works for {minutes} minutes more" in text


def test_assets_are_the_plugins(plugin, section):
    kinds = {
        "accounting": ("profit_and_loss", "balance_sheet"),
        "payroll": ("employees", "payroll_costs"),
    }
    for kind in kinds[plugin.api_type]:
        assert f"`{plugin.slug}/{kind}`" in section


def test_refusal_of_a_second_organisation_is_quoted_as_the_connect_page_says_it():
    refusal = ConsentError(
        ConsentProblem.OTHER_ORGANISATION, PLUGINS[0], pinned="One", chosen="Two"
    )
    error = of_consent(refusal)
    text = " ".join(PAGE.section("More than one of a kind").split())

    assert f"*{error.title}*" in text
    assert "currency_mismatch" in text


def test_history_and_refresh_months_are_the_defaults():
    settings = load_settings({})

    assert f"`ZEBBRA_HISTORY_MONTHS` ({settings.history_months})" in PAGE.text
    assert f"`ZEBBRA_REFRESH_MONTHS` ({settings.refresh_months})" in PAGE.text
