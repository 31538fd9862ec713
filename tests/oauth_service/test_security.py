"""What strangers can try; `docs/security.md` names these tests clause by clause."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from support.oauth_rig import SERVICE_KEY, Rig, heading, hidden_fields, running_rig
from support.route_walk import walk

from integrations.sandbox_kit.browser import query_of
from oauth_service.web.limits import PublicRate, RequestLimits

REDIRECTS_WITHOUT_THE_BODY = {302, 303}


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[Rig]:
    """A service that answers one address five times, and hardly again."""
    limits = RequestLimits(burst=5, per_second=0.001)
    with running_rig(tmp_path / "home", limits=limits) as rig:
        yield rig


# Size


def test_announced_body_that_is_too_long_is_not_read(rig: Rig) -> None:
    program = rig.pipeline.http.post("/api/connect-links", content=b"x" * 70_000)
    person = rig.person.http.post("/integration/toybooks/tenant", content=b"x" * 70_000)

    assert (program.status_code, program.json()["status"]) == (413, 413)
    assert program.headers["content-type"] == "application/problem+json"
    assert (person.status_code, person.headers["content-type"][:9]) == (413, "text/html")


def test_body_without_a_length_is_cut_off(rig: Rig) -> None:
    rig.connect()
    pieces = (b'{"workspace_id": "' if number == 0 else b"x" * 10_000 for number in range(20))
    program = rig.pipeline.http.post(
        "/api/connect-links", content=pieces, headers={"Content-Type": "application/json"}
    )
    form = (b"csrf_token=" if number == 0 else b"x" * 10_000 for number in range(20))
    person = rig.people[-1].http.post(
        "/integration/toybooks/disconnect",
        content=form,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )

    assert (program.status_code, person.status_code) == (413, 413)
    assert rig.pipeline.connection()["state"] == "connected"


def test_no_route_takes_a_body_that_is_too_long(rig: Rig) -> None:
    routes = [found for found in walk(rig.app) if found.changes]
    answers = {
        str(found): rig.pipeline.http.request(
            found.method, found.of("acme"), content=b"x" * (64 * 1024 + 1)
        ).status_code
        for found in routes
    }

    assert len(routes) >= 8
    assert answers == {str(found): 413 for found in routes}


@pytest.mark.parametrize(("query_bytes", "status"), [(16 * 1024, 401), (16 * 1024 + 1, 414)])
def test_longest_query_is_sixteen_kibibytes(rig: Rig, query_bytes: int, status: int) -> None:
    query = "x=" + "x" * (query_bytes - 2)

    assert rig.person.http.get(f"/connect?{query}").status_code == status


@pytest.mark.parametrize(("body_bytes", "status"), [(64 * 1024, 401), (64 * 1024 + 1, 413)])
def test_longest_body_is_sixty_four_kibibytes(rig: Rig, body_bytes: int, status: int) -> None:
    answer = rig.person.http.post("/api/connect-links", content=b"x" * body_bytes)

    assert answer.status_code == status


# Rate


def test_stranger_who_asks_too_often_is_told_to_wait_and_the_pipeline_is_not(narrow: Rig) -> None:
    statuses = [narrow.person.http.get("/connect").status_code for _ in range(5)]
    page = narrow.person.http.get("/connect")
    guess = httpx.get(
        f"{narrow.url}/api/workspaces", headers={"Authorization": "Bearer guess"}, timeout=60
    )
    static = narrow.person.http.get("/static/style.css")

    assert statuses == [401] * 5
    assert (page.status_code, heading(page)) == (429, "Too many requests")
    assert int(page.headers["retry-after"]) > 0
    assert (guess.status_code, guess.json()["code"]) == (429, "too_many_requests")
    assert static.status_code == 200
    assert httpx.get(f"{narrow.url}/healthz", timeout=60).status_code == 200
    assert {narrow.pipeline.http.get("/api/workspaces").status_code for _ in range(9)} == {200}


def test_every_route_is_counted_but_the_probes(narrow: Rig) -> None:
    for _ in range(5):
        narrow.person.http.get("/connect")
    limited = {}
    for found in walk(narrow.app):
        answer = narrow.person.http.request(found.method, found.of("acme"))
        limited[str(found)] = answer.status_code == 429

    assert {name for name, was in limited.items() if not was} == {
        "GET /healthz",
        "GET /healthz/live",
        "GET /healthz/ready",
    }
    assert len(limited) > 20


def test_proxy_on_this_machine_names_the_address_that_is_counted(narrow: Rig) -> None:
    people = [f"192.0.2.{number}" for number in range(20)]
    answers = [
        narrow.person.http.get("/connect", headers={"X-Forwarded-For": person}).status_code
        for person in people
    ]
    again = narrow.person.http.get("/connect", headers={"X-Forwarded-For": "spoofed, 192.0.2.1"})
    without = [narrow.person.http.get("/connect").status_code for _ in range(6)]

    assert answers == [401] * 20
    assert again.status_code == 401
    assert without == [401] * 5 + [429]


async def _say(_request: Request) -> Response:
    return PlainTextResponse("here")


async def _refuse(_request: Request, exc: HTTPException) -> Response:
    return PlainTextResponse("", exc.status_code)


class Rated:
    """The limit alone, with a clock that is set."""

    def __init__(self, limits: RequestLimits) -> None:
        self.now_s = 0.0
        self.rate = PublicRate(
            Starlette(routes=[Route("/", _say)]),
            limits=limits,
            answer=_refuse,
            exempt=lambda _request: False,
            now_s=lambda: self.now_s,
        )

    async def ask(self, *hosts: str) -> list[int]:
        statuses = []
        for host in hosts:
            transport = httpx.ASGITransport(self.rate, client=(host, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                statuses.append((await client.get("/")).status_code)
        return statuses


async def test_rate_recovers_and_each_network_has_its_own() -> None:
    rated = Rated(RequestLimits(burst=2, per_second=0.5))
    assert await rated.ask(*["192.0.2.1"] * 3) == [200, 200, 429]
    assert await rated.ask("192.0.2.2") == [200]

    rated.now_s = 2.0
    assert await rated.ask(*["192.0.2.1"] * 2) == [200, 429]


async def test_addresses_of_one_ipv6_network_count_as_one() -> None:
    rated = Rated(RequestLimits(burst=2, per_second=0.5))

    assert await rated.ask("2001:db8::1", "2001:db8::2", "2001:db8::3") == [200, 200, 429]
    assert await rated.ask("2001:db8:0:1::1") == [200]


async def test_only_so_many_addresses_are_remembered() -> None:
    rated = Rated(RequestLimits(burst=1, per_second=0.5, addresses=2))
    await rated.ask(*[f"192.0.2.{number}" for number in range(5)])

    assert len(rated.rate._left) == 2


# Redirects, hosts and origins


def test_service_redirects_only_to_itself_and_to_the_provider(rig: Rig) -> None:
    lure = "next=https://evil.example&redirect_uri=https://evil.example&return_to=//evil.example"
    person = rig.person
    answers = [person.http.get(f"{rig.pipeline.link()}&{lure}")]
    asked = person.http.get(f"/integration/toybooks/login?{lure}")
    assert "evil" not in asked.text
    own = hidden_fields(asked)
    answers.append(person.http.post(f"/integration/toybooks/login?{lure}", data=own))
    back = person.allow(answers[-1].headers["location"])
    answers.append(person.http.get(f"{back}&{lure}"))
    fields = hidden_fields(person.http.get("/connect"))
    answers.append(person.http.post(f"/integration/toybooks/disconnect?{lure}", data=fields))
    places = [answer.headers["location"] for answer in answers]
    provider = rig.environment["TOYBOOKS_AUTHORIZE_URL"]

    assert {answer.status_code for answer in answers} <= REDIRECTS_WITHOUT_THE_BODY
    assert [place.partition("?")[0] for place in places] == [
        f"{rig.settings.oauth_url}/connect",
        provider,
        f"{rig.settings.oauth_url}/connect",
        f"{rig.settings.oauth_url}/connect",
    ]
    assert query_of(places[1])["redirect_uri"] == (
        f"{rig.settings.oauth_url}/integration/toybooks/callback"
    )


def test_forged_host_reaches_no_link_and_no_redirect(rig: Rig) -> None:
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    made = rig.pipeline.http.post(
        "/api/connect-links", json={"workspace_id": "acme"}, headers=forged
    )
    opened = rig.person.http.get(made.json()["url"], headers=forged)
    slash = rig.person.http.get("/connect/", headers=forged)

    assert urlsplit(made.json()["url"]).netloc == urlsplit(rig.settings.oauth_url).netloc
    assert opened.headers["location"] == f"{rig.settings.oauth_url}/connect"
    assert (slash.status_code, "location" in slash.headers) == (404, False)


def test_no_other_origin_may_read_anything(rig: Rig) -> None:
    origin = {"Origin": "https://evil.example"}
    preflight = {**origin, "Access-Control-Request-Method": "GET"}
    answers = [
        rig.pipeline.http.get("/api/workspaces", headers=origin),
        rig.person.http.get("/connect", headers=origin),
        rig.pipeline.http.options("/api/workspaces", headers=preflight),
    ]

    assert answers[2].status_code == 405
    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"


def test_answer_to_a_fault_of_ours_has_the_headers_too(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("disk on fire")

    monkeypatch.setattr(rig.services.store.workspaces, "all", fail)
    answer = rig.pipeline.once("/api/workspaces")

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_server_error")
    assert "fire" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


# Codes, states and keys


def test_answer_for_one_integration_is_not_taken_by_another(rig: Rig) -> None:
    rig.person.open(rig.pipeline.link())
    back = rig.person.allow(rig.person.login())
    rig.provider.clear_calls()
    mixed_up = rig.person.http.get("/integration/shybooks/callback", params=query_of(back))

    assert mixed_up.status_code == 400
    assert rig.provider.calls("/token") == []
    assert rig.person.http.get(back, follow_redirects=True).status_code == 200


def test_code_of_another_person_is_not_taken(rig: Rig) -> None:
    """An attacker's own code, under the victim's state: PKCE is what the provider refuses."""
    victim, attacker = rig.new_person(), rig.new_person()
    victim.open(rig.pipeline.link("acme"))
    attacker.open(rig.pipeline.link("globex"))
    state = query_of(victim.login("acme"))["state"]
    stolen = query_of(attacker.allow(attacker.login("globex")))["code"]
    answer = victim.http.get(
        "/integration/toybooks/callback", params={"state": state, "code": stolen}
    )

    assert heading(answer) == "Toybooks rejected the authorization code"
    assert rig.pipeline.connections()["connections"] == []


@pytest.mark.parametrize("query", [{"access_token": SERVICE_KEY}, {"key": SERVICE_KEY}])
def test_service_key_in_a_url_opens_nothing(rig: Rig, query: dict[str, str]) -> None:
    assert httpx.get(f"{rig.url}/api/workspaces", params=query, timeout=60).status_code == 401


def test_session_of_a_person_opens_no_api(rig: Rig) -> None:
    rig.connect()
    path = "/api/workspaces/acme/integrations/toybooks/token"

    assert rig.people[-1].http.get(path).status_code == 401
