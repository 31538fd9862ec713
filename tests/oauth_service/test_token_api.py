"""What the pipeline gets from the API."""

from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
from support.oauth_rig import SERVICE_KEY, Pipeline, Rig, heading, running_rig
from support.oauth_toy import RULES
from support.postgres import Postgres

from integrations.sandbox_kit.browser import query_of


def fingerprint(answer: httpx.Response) -> str:
    return sha256(answer.json()["access_token"].encode()).hexdigest()[:16]


def test_token_answer_has_the_pinned_tenant_and_no_refresh_token(rig: Rig) -> None:
    rig.connect()
    answer = rig.pipeline.token()

    assert answer.status_code == 200
    assert set(answer.json()) == {
        "access_token",
        "token_type",
        "expires_at",
        "tenant_id",
        "tenant_name",
        "scopes",
    }
    assert answer.json()["tenant_id"] == "toy-1"
    assert answer.json()["tenant_name"] == "Bakery & Sons <Ltd>"
    assert answer.json()["token_type"] == "Bearer"
    assert answer.json()["scopes"] == ["offline_access", "books.read"]
    assert answer.headers["cache-control"] == "no-store"
    expires_at = datetime.fromisoformat(answer.json()["expires_at"])
    assert expires_at - rig.clock.now() > timedelta(minutes=29)


def test_fresh_token_is_handed_out_without_a_refresh(rig: Rig) -> None:
    rig.connect()
    rig.provider.clear_calls()
    first, second = rig.pipeline.token(), rig.pipeline.token()

    assert first.json() == second.json()
    assert rig.refreshes() == 0


def test_token_lives_at_least_five_more_minutes(rig: Rig) -> None:
    rig.connect()
    first = rig.pipeline.token().json()
    rig.clock.advance(1800 - 300 - 5)
    assert rig.pipeline.token().json() == first

    rig.clock.advance(10)
    second = rig.pipeline.token().json()

    assert second["access_token"] != first["access_token"]
    expires_at = datetime.fromisoformat(second["expires_at"])
    assert expires_at - rig.clock.now() > timedelta(minutes=29)


def test_short_lived_token_is_fresh_for_half_of_its_life(tmp_path: Path) -> None:
    with running_rig(tmp_path, rules=replace(RULES, access_lifetime_s=60)) as rig:
        rig.connect()
        first = rig.pipeline.token().json()
        rig.clock.advance(25)
        assert rig.pipeline.token().json() == first

        rig.clock.advance(10)
        assert rig.pipeline.token().json() != first


def test_rejected_token_is_replaced_though_it_looks_fresh(rig: Rig) -> None:
    rig.connect()
    first = rig.pipeline.token()
    rig.provider.clear_calls()
    second = rig.pipeline.token(rejected=fingerprint(first))
    third = rig.pipeline.token(rejected=fingerprint(first))

    assert second.json()["access_token"] != first.json()["access_token"]
    assert third.json() == second.json()
    assert rig.refreshes() == 1


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/api/connect-links", "POST"),
        ("/api/workspaces", "GET"),
        ("/api/workspaces/acme/integrations/toybooks/token", "GET"),
        ("/api/connections", "GET"),
        ("/integration/providers?workspace_id=acme", "GET"),
    ],
)
@pytest.mark.parametrize(
    "key", [None, "Bearer wrong", "Basic x", pytest.param(SERVICE_KEY, id="no scheme")]
)
def test_wrong_service_key_is_refused(rig: Rig, path: str, method: str, key: str | None) -> None:
    headers = {} if key is None else {"Authorization": key}
    answer = httpx.request(
        method, rig.url + path, headers=headers, json={"workspace_id": "acme"}, timeout=60
    )

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == "unauthorized"
    assert answer.json()["type"] == "urn:zebbra:problem:unauthorized"
    assert answer.json()["status"] == 401


def test_unknown_workspace_and_integration_are_404(rig: Rig) -> None:
    rig.connect()
    workspace = rig.pipeline.token("nobody")
    integration = rig.pipeline.token(slug="nobooks")

    assert (workspace.status_code, workspace.json()["code"]) == (404, "unknown_workspace")
    assert (integration.status_code, integration.json()["code"]) == (404, "unknown_integration")
    assert integration.json()["detail"] == (
        "no integration called 'nobooks'; installed: Shybooks, Toybooks"
    )


def test_workspace_that_never_connected_is_told_where_to(rig: Rig) -> None:
    rig.pipeline.link()
    answer = rig.pipeline.token()

    assert answer.status_code == 409
    assert answer.json()["code"] == "not_connected"
    assert rig.person.http.get(answer.json()["connect_url"]).status_code == 303


def test_connect_link_lasts_thirty_minutes_and_names_a_new_workspace(rig: Rig) -> None:
    answer = rig.pipeline.http.post("/api/connect-links", json={"workspace_id": "acme"})
    expires_at = datetime.fromisoformat(answer.json()["expires_at"])

    assert set(answer.json()) == {"url", "expires_at"}
    assert timedelta(minutes=29) < expires_at - rig.clock.now() <= timedelta(minutes=30)
    assert set(query_of(answer.json()["url"])) == {"session"}
    assert rig.pipeline.http.get("/api/workspaces").json() == {
        "workspaces": [{"workspace_id": "acme", "workspace_name": "acme"}]
    }


def test_later_link_without_a_name_keeps_the_name(rig: Rig) -> None:
    rig.pipeline.link("acme", "Acme Ltd")
    rig.pipeline.link("acme", None)

    assert rig.pipeline.http.get("/api/workspaces").json()["workspaces"] == [
        {"workspace_id": "acme", "workspace_name": "Acme Ltd"}
    ]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"workspace_id": ""},
        {"workspace_id": "a b"},
        {"workspace_id": "a" * 65},
        {"workspace_id": "acme\n"},
        {"workspace_id": 7},
        {"workspace_id": "acme", "workspace_name": " "},
        {"workspace_id": "acme", "name": "x"},
        [],
    ],
)
def test_malformed_connect_link_request_is_a_problem_document(rig: Rig, body: object) -> None:
    answer = rig.pipeline.http.post("/api/connect-links", json=body)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "invalid_request"
    assert rig.pipeline.http.get("/api/workspaces").json() == {"workspaces": []}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("DELETE", "/api/connections", 405),
        ("GET", "/api/connections?changed_since=x", 422),
        ("GET", "/integration/providers", 422),
        ("GET", "/integration/providers?workspace_id=a%20b", 422),
    ],
)
def test_every_error_of_the_api_is_a_problem_document(
    rig: Rig, method: str, path: str, status: int
) -> None:
    answer = rig.pipeline.http.request(method, path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_character_that_postgresql_cannot_hold_is_refused(
    postgres: Postgres, tmp_path: Path
) -> None:
    overrides = {"ZEBBRA_OAUTH_DATABASE": postgres.new_database()}
    with running_rig(tmp_path, overrides=overrides) as rig:
        rig.connect()
        named = {"workspace_id": "acme", "workspace_name": "a\0b"}
        answers = [
            rig.pipeline.http.post("/api/connect-links", json=named),
            rig.pipeline.http.get("/api/workspaces/%00/integrations/toybooks/token"),
        ]
        page = rig.people[-1].http.get("/integration/toybooks/tenant?grant=%00")

        told = [(each.status_code, each.json()["code"]) for each in answers]
        assert told == [(422, "invalid_request")] * 2
        assert (page.status_code, heading(page)) == (422, HTTPStatus.UNPROCESSABLE_ENTITY.phrase)
        assert rig.pipeline.connection()["workspace_name"] == "acme Ltd"


def test_cursor_of_a_replaced_store_lists_everything(rig: Rig) -> None:
    rig.connect()

    assert len(rig.pipeline.connections(changed_since="999999999")["connections"]) == 1


def test_connections_are_listed_since_a_cursor(rig: Rig) -> None:
    assert rig.pipeline.connections() == {"connections": [], "cursor": "0"}

    rig.connect("acme")
    first = rig.pipeline.connections()
    rig.connect("other", ("toy-2",))
    second = rig.pipeline.connections(changed_since=first["cursor"])

    assert [item["workspace_id"] for item in first["connections"]] == ["acme"]
    assert [item["workspace_id"] for item in second["connections"]] == ["other"]
    found = second["connections"][0]
    assert found["workspace_name"] == "other Ltd"
    assert found["integration"] == "Toybooks"
    assert found["state"] == "connected"
    assert found["tenant_id"] == "toy-2"
    assert found["tenant_name"] == "Second Shop"
    assert datetime.fromisoformat(found["connected_at"]).tzinfo is not None
    assert found["changed_at"] == found["connected_at"]
    nothing = rig.pipeline.connections(changed_since=second["cursor"])
    assert nothing == {"connections": [], "cursor": second["cursor"]}


def test_refresh_is_no_change_but_a_new_name_is(rig: Rig) -> None:
    rig.connect()
    cursor = rig.pipeline.connections()["cursor"]
    rig.expire()
    rig.pipeline.token()
    assert rig.pipeline.connections(changed_since=cursor)["connections"] == []

    rig.pipeline.link("acme", "Acme plc")
    (changed,) = rig.pipeline.connections(changed_since=cursor)["connections"]
    assert changed["workspace_name"] == "Acme plc"


def test_connections_tell_how_long_the_provider_waits_for_the_next_refresh(rig: Rig) -> None:
    rig.connect()
    connected = rig.pipeline.connection()
    rig.clock.advance(7200)
    rig.pipeline.token()
    refreshed = rig.pipeline.connection()

    for found in (connected, refreshed):
        waits = datetime.fromisoformat(found["idle_expires_at"])
        assert waits - datetime.fromisoformat(found["last_refresh"]) == timedelta(days=60)
        assert found["idle_limit_s"] == 60 * 86400
    assert datetime.fromisoformat(refreshed["idle_expires_at"]) - datetime.fromisoformat(
        connected["idle_expires_at"]
    ) >= timedelta(hours=2)

    rig.provider.revoke_grants()
    rig.clock.advance(7200)
    assert rig.pipeline.token().status_code == 409
    dead = rig.pipeline.connection()
    assert (dead["state"], dead["idle_expires_at"]) == ("requires_reconnect", None)
    assert dead["last_refresh"] == refreshed["last_refresh"]


def test_providers_are_listed_for_key_and_session(rig: Rig) -> None:
    rig.person.connect(rig.pipeline.link())
    by_key = rig.pipeline.http.get("/integration/providers", params={"workspace_id": "acme"})
    by_session = rig.person.http.get("/integration/providers", params={"workspace_id": "acme"})
    other = rig.person.http.get("/integration/providers", params={"workspace_id": "other"})

    assert by_key.json() == [
        {
            "name": "Shybooks",
            "connected": False,
            "requires_reconnect": False,
            "configured": False,
            "tenant_name": None,
        },
        {
            "name": "Toybooks",
            "connected": True,
            "requires_reconnect": False,
            "configured": True,
            "tenant_name": "Bakery & Sons <Ltd>",
        },
    ]
    assert by_session.json() == by_key.json()
    assert (other.status_code, other.json()["code"]) == (403, "other_workspace")


def test_providers_of_an_unknown_workspace_are_404(rig: Rig) -> None:
    answer = rig.pipeline.http.get("/integration/providers", params={"workspace_id": "nobody"})

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_workspace")


def test_health_and_metrics_need_no_key_and_name_no_workspace(rig: Rig) -> None:
    rig.connect("very-private")
    rig.expire()
    rig.pipeline.token("very-private")
    health = httpx.get(f"{rig.url}/healthz", timeout=60)
    metrics = httpx.get(f"{rig.url}/metrics", timeout=60)

    assert (health.status_code, health.json()) == (200, {"status": "ok"})
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'zebbra_oauth_connections{integration="toybooks",state="connected"} 1' in metrics.text
    assert (
        'zebbra_oauth_refreshes_total{integration="toybooks",outcome="refreshed"}' in metrics.text
    )
    assert "very-private" not in metrics.text


def test_wrong_scheme_of_a_right_key_is_refused(rig: Rig) -> None:
    pipeline = Pipeline(rig.url)
    pipeline.http.headers["Authorization"] = pipeline.http.headers["Authorization"].replace(
        "Bearer", "Token"
    )

    assert pipeline.http.get("/api/workspaces").status_code == 401
    pipeline.http.close()
