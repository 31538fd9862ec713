"""`docs/security.md` takes every clause of RFC 9700, names tests that exist, and today's numbers."""

import re
from base64 import urlsafe_b64decode
from datetime import timedelta
from pathlib import Path

import pytest

from integrations.runtime.registry import load_registry
from integrations.runtime.settings import load_settings
from oauth_service.grants.consent import CONSENT_LIFETIME, STATE_CHARACTERS, VERIFIER_CHARACTERS
from oauth_service.security.sessions import HANDOFF_LIFETIME, LINK_LIFETIME, SESSION_LIFETIME
from oauth_service.serving.limits import ServerLimits
from oauth_service.web.limits import RequestLimits
from oauth_service.web.middleware import answer_headers

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
BEST_PRACTICES = ("2.1", "2.1.1", "2.1.2", "2.2.1", "2.2.2", "2.3", "2.4", "2.5", "2.6")
ATTACKS = tuple(f"4.{number}" for number in range(1, 18))
MET, IN_PART, NOT_MET = "Met", "Met in part", "Not met"
VERDICTS = {MET, IN_PART, NOT_MET, "The provider's", "Not applicable"}
CLAUSE = re.compile(
    r"^\*\*(?P<number>\d[\d.]*\d) [^*]+\*\* \*(?P<verdict>[^*]+?)\.?\*(?P<text>.*?)(?=^\*\*\d|^## |\Z)",
    re.MULTILINE | re.DOTALL,
)
TEST = re.compile(r"`(test_\w+)`")
NUMBER = re.compile(
    r"(\d[\d,]*)\s+(minutes|hours|days|KiB|requests|a\s+second|addresses|random\s+(?:bits|characters))"
)


def existing_tests() -> set[str]:
    found: set[str] = set()
    for file in (ROOT / "tests").rglob("test_*.py"):
        found |= set(re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE))
    return found


def test_every_test_that_the_security_page_names_exists() -> None:
    named = set(TEST.findall(PAGE))

    assert len(named) > 60
    assert named - existing_tests() == set()


def test_every_clause_has_a_verdict_in_order() -> None:
    found = [(match["number"], match["verdict"]) for match in CLAUSE.finditer(PAGE)]

    assert [number for number, _ in found] == [*BEST_PRACTICES, *ATTACKS]
    assert {verdict for _, verdict in found} == VERDICTS


@pytest.mark.parametrize("number", [*BEST_PRACTICES, *ATTACKS])
def test_clause_that_is_met_names_its_proof_and_one_that_is_not_says_so(number: str) -> None:
    (clause,) = [match for match in CLAUSE.finditer(PAGE) if match["number"] == number]
    open_end = "**Not met" in clause["text"]

    if clause["verdict"] in {MET, IN_PART}:
        assert TEST.search(clause["text"])
    assert open_end == (clause["verdict"] == IN_PART)


def test_page_says_that_the_whole_run_is_searched_for_tokens() -> None:
    for file in ("tests/conftest.py", "tests/test_leaks.py"):
        assert f"`{file}`" in PAGE
        assert (ROOT / file).exists()


def test_page_states_the_numbers_of_the_code_and_no_others(tmp_path: Path) -> None:
    minute, hour, day = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
    limits, connections, kib = RequestLimits(), ServerLimits(), 1024
    plugins = load_registry().plugins
    key = load_settings({"ZEBBRA_HOME": str(tmp_path)}).service_key().get_secret_value()
    year_s = int(answer_headers(https=True)["Strict-Transport-Security"].split("=")[1])
    idle = {
        slug: plugin.oauth.idle_limit // day if plugin.oauth.idle_limit else None
        for slug, plugin in plugins.items()
    }

    assert idle == {"xero": 60, "quickbooks": 100, "gusto": None}
    assert {slug: plugin.oauth.pkce for slug, plugin in plugins.items()} == {
        "xero": False,
        "quickbooks": False,
        "gusto": False,
    }
    lifetimes = {slug: plugin.oauth.access_lifetime_s // 60 for slug, plugin in plugins.items()}
    assert re.sub(r"\s+", " ", PAGE).count(
        f"live for {lifetimes['xero']} minutes (Xero), {lifetimes['quickbooks']} minutes "
        f"(QuickBooks) or {lifetimes['gusto']} minutes (Gusto)"
    )
    stated = {(n.replace(",", ""), " ".join(unit.split())) for n, unit in NUMBER.findall(PAGE)}
    assert stated == {
        (str(LINK_LIFETIME // minute), "minutes"),
        (str(CONSENT_LIFETIME // minute), "minutes"),
        (str(HANDOFF_LIFETIME // minute), "minutes"),
        (str(SESSION_LIFETIME // hour), "hours"),
        *((str(minutes), "minutes") for minutes in lifetimes.values()),
        *((str(days), "days") for days in idle.values() if days),
        (str(timedelta(seconds=year_s) // day), "days"),
        (str(STATE_CHARACTERS), "random characters"),
        (str(VERIFIER_CHARACTERS), "random characters"),
        (str(limits.body_bytes // kib), "KiB"),
        (str(limits.query_bytes // kib), "KiB"),
        (str(connections.header_bytes // kib), "KiB"),
        (str(connections.framed_bytes // kib), "KiB"),
        (str(limits.burst), "requests"),
        (str(connections.pipelined), "requests"),
        (str(int(limits.per_second)), "a second"),
        (str(limits.addresses), "addresses"),
        (str(8 * len(urlsafe_b64decode(key + "=" * (-len(key) % 4)))), "random bits"),
    }


def test_page_states_the_limits_of_a_connection() -> None:
    page, limits = re.sub(r"\s+", " ", PAGE), ServerLimits()

    assert (
        f"A client has {limits.headers_s:g} s to end its headers, {limits.body_idle_s:g} s between "
        f"two parts of a body, {limits.receive_s:g} s for a whole request, {limits.answer_idle_s:g} s "
        f"without taking anything of its answer, and {limits.total_s:g} s for all of that together"
    ) in page
    assert f"more than {limits.header_fields} of them with the trailers, are 431" in page
    assert f"more than {limits.pipelined} requests that wait for earlier answers" in page
    assert f"`ZEBBRA_OAUTH_CONNECTIONS` ({limits.connections:,})" in page
    assert f"`ZEBBRA_OAUTH_CONNECTIONS_PER_ADDRESS` ({limits.per_address}) of them" in page
