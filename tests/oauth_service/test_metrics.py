"""What Prometheus gets to see: counts and seconds by names that stay few, and nothing secret."""

from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.oauth_rig import SECRET, SERVICE_KEY, Rig, running_rig
from support.operator import operator

from integrations.sandbox_kit.browser import query_of
from oauth_service.ops.metrics import Metrics
from oauth_service.web.limits import RequestLimits

TOKEN_ROUTE = "/api/workspaces/{workspace_id}/integrations/{slug}/token"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(rig: Rig) -> Samples:
    return samples_of(httpx.get(f"{rig.url}/metrics", timeout=60).text)


def samples_of(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((f"zebbra_oauth_{name}", frozenset(labels.items())), 0.0)


def grown(before: Samples, after: Samples, name: str, **labels: str) -> float:
    return value(after, name, **labels) - value(before, name, **labels)


def test_scrape_has_these_families_and_no_others(rig: Rig) -> None:
    rig.connect()
    rig.expire()
    rig.pipeline.token()
    text = httpx.get(f"{rig.url}/metrics", timeout=60).text
    families = {each.name: each.type for each in text_string_to_metric_families(text)}

    assert families == {
        "zebbra_oauth_refreshes": "counter",
        "zebbra_oauth_refresh_seconds": "histogram",
        "zebbra_oauth_token_requests": "counter",
        "zebbra_oauth_requests": "counter",
        "zebbra_oauth_request_seconds": "histogram",
        "zebbra_oauth_http_connections_closed": "counter",
        "zebbra_oauth_connections": "gauge",
    }


def test_refreshes_are_counted_and_timed_by_what_they_came_to(rig: Rig) -> None:
    rig.connect()
    before = scraped(rig)
    rig.expire()
    rig.provider.fault("status", path="/token", status=503)
    rig.pipeline.token()
    rig.expire()
    rig.provider.revoke_grants()
    rig.pipeline.token()
    after = scraped(rig)

    def counted(outcome: str) -> list[float]:
        labels = {"integration": "toybooks", "outcome": outcome}
        names = ("refreshes_total", "refresh_seconds_count")
        return [grown(before, after, name, **labels) for name in names]

    assert {each: counted(each) for each in ("answer_lost", "refreshed", "grant_refused")} == {
        "answer_lost": [1, 1],
        "refreshed": [1, 1],
        "grant_refused": [1, 1],
    }


def test_seconds_of_a_refresh_are_those_of_the_providers_answer(rig: Rig) -> None:
    rig.connect()
    before = scraped(rig)
    rig.expire()
    rig.provider.fault("slow", path="/token", seconds=0.3)
    rig.pipeline.token()
    after = scraped(rig)
    labels = {"integration": "toybooks", "outcome": "refreshed"}

    assert 0.3 <= grown(before, after, "refresh_seconds_sum", **labels) < 20
    assert grown(before, after, "refresh_seconds_bucket", **labels, le="0.25") == 0
    assert grown(before, after, "refresh_seconds_bucket", **labels, le="60.0") == 1


def test_both_ways_to_a_token_are_counted_as_the_same_route(rig: Rig) -> None:
    rig.connect("very-private")
    before = scraped(rig)
    rig.pipeline.token("very-private")
    rig.pipeline.token("very-private", rejected="0")
    after = scraped(rig)
    labels = {"route": TOKEN_ROUTE, "method": "GET"}

    assert grown(before, after, "requests_total", **labels, status="200") == 2
    assert grown(before, after, "request_seconds_count", **labels) == 2
    assert grown(before, after, "token_requests_total", integration="toybooks", outcome="ok") == 2


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", "/healthz", "/healthz", 200),
        ("GET", "/nowhere/very-private", "unmatched", 404),
        ("DELETE", "/connect", "/connect", 405),
        ("GET", "/api/workspaces/very-private/integrations/none/token", TOKEN_ROUTE, 401),
        ("GET", "/integration/very-private/login", "/integration/{slug}/login", 401),
        ("GET", "/static/style.css", "/static/{path}", 200),
        ("GET", "/openapi.json", "/openapi.json", 200),
        ("GET", f"/connect?{'x' * 20_000}", "/connect", 414),
    ],
)
def test_request_is_counted_by_the_template_of_its_path(
    rig: Rig, method: str, path: str, route: str, status: int
) -> None:
    before = scraped(rig)
    answer = httpx.request(method, f"{rig.url}{path}", timeout=60)
    after = scraped(rig)

    assert answer.status_code == status
    labels = {"route": route, "method": method, "status": str(status)}
    assert grown(before, after, "requests_total", **labels) == 1


def test_unusual_methods_make_one_label(rig: Rig) -> None:
    before = scraped(rig)
    for method in ("PROPFIND", "MKCOL", "REPORT"):
        httpx.request(method, f"{rig.url}/connect", timeout=60)
    after = scraped(rig)

    labels = {"route": "/connect", "method": "other", "status": "405"}
    assert grown(before, after, "requests_total", **labels) == 3
    assert "PROPFIND" not in str(after)


def test_refusal_before_routing_is_counted_by_the_template(tmp_path: Path) -> None:
    with running_rig(tmp_path, limits=RequestLimits(burst=2, per_second=0.001)) as narrow:
        statuses = [httpx.get(f"{narrow.url}/connect", timeout=60).status_code for _ in range(3)]
        text = narrow.pipeline.http.get("/metrics").text

    assert statuses == [401, 401, 429]
    labels = {"route": "/connect", "method": "GET", "status": "429"}
    assert value(samples_of(text), "requests_total", **labels) == 1


def test_unexpected_error_is_counted_as_500(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rig.services.store.workspaces, "all", None)
    before = scraped(rig)
    answer = rig.pipeline.once("/api/workspaces")
    after = scraped(rig)

    assert answer.status_code == 500
    labels = {"route": "/api/workspaces", "method": "GET", "status": "500"}
    assert grown(before, after, "requests_total", **labels) == 1


def test_nothing_in_a_scrape_names_a_workspace_or_opens_anything(rig: Rig) -> None:
    link = rig.pipeline.link("very-private", "Very Private Ltd")
    rig.person.open(link)
    back = rig.person.allow(rig.person.login("very-private"))
    rig.person.http.get(back, follow_redirects=True)
    rig.expire()
    rig.pipeline.token("very-private")
    operator(rig)
    text = httpx.get(f"{rig.url}/metrics", timeout=60).text
    secret = {*rig.provider.issued(), *query_of(back).values(), query_of(link)["session"]}

    assert [each for each in (*secret, SECRET, SERVICE_KEY) if each in text] == []
    assert "very-private" not in text.lower()
    assert "Very Private" not in text


def test_services_in_one_process_count_by_themselves() -> None:
    one, other = Metrics(), Metrics()
    one.token_request("toybooks", "ok")

    assert "toybooks" in one.text({}).decode()
    assert "toybooks" not in other.text({}).decode()


def test_scrape_while_the_store_cannot_be_read_has_all_but_the_connections(
    tmp_path: Path,
) -> None:
    with running_rig(tmp_path) as broken:
        database = Path(broken.settings.oauth_database.removeprefix("sqlite:///"))
        broken.services.store.close()
        database.write_bytes(b"not a database" * 100)
        for leftover in tmp_path.glob("oauth.sqlite-*"):
            leftover.unlink()
        answer = httpx.get(f"{broken.url}/metrics", timeout=60)

    assert answer.status_code == 200
    assert "zebbra_oauth_connections" not in answer.text
    assert "zebbra_oauth_requests_total" in answer.text
