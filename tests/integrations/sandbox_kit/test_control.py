"""An emulator misbehaves on demand, and says what it was asked."""

import time
from collections.abc import Iterator

import httpx
import pytest
from support.sandbox import LIKE_GUSTO, LIKE_XERO, DemoApp, demo_app


@pytest.fixture(scope="module")
def server() -> Iterator[DemoApp]:
    with demo_app(LIKE_XERO) as app:
        yield app


@pytest.fixture
def app(server):
    server.control.reset()
    return server


@pytest.fixture
def token(app):
    access_token = app.connect()["access_token"]
    app.control.clear_calls()
    return access_token


def test_status_fault_happens_once_in_the_providers_own_words(app, token):
    app.control.fault("status", status=503, retry_after=7)
    failed, fine = app.report(token), app.report(token)

    assert (failed.status_code, failed.json()) == (503, {"Title": "Demo fault"})
    assert failed.headers["retry-after"] == "7"
    assert fine.status_code == 200


def test_fault_can_wait_for_calls_to_pass_and_repeat(app, token):
    app.control.fault("status", after=1, times=2)
    seen = [app.report(token).status_code for _ in range(4)]

    assert seen == [200, 502, 502, 200]


def test_fault_concerns_only_its_path_method_and_organisation(app, token):
    app.control.fault("status", path="/connections")
    app.control.fault("status", path="/report", method="POST")
    app.control.fault("status", path="/report", tenant_id="org-2")

    assert app.report(token).status_code == 200
    assert app.get("connections", token).status_code == 502


def test_endless_fault_lasts_until_it_is_cleared(app, token):
    app.control.fault("status", times=None)
    seen = [app.report(token).status_code for _ in range(3)]
    app.control.clear_faults()

    assert seen == [502, 502, 502]
    assert app.report(token).status_code == 200


@pytest.mark.parametrize(
    ("kind", "problem", "wait"), [("minute_limit", "minute", "2"), ("day_limit", "day", "21600")]
)
def test_limit_fault_refuses_as_the_provider_would(app, token, kind, problem, wait):
    app.control.fault(kind)
    refused = app.report(token)

    assert refused.status_code == 429
    assert refused.headers["x-rate-limit-problem"] == problem
    assert refused.headers["retry-after"] == wait


def test_limit_fault_takes_another_waiting_time(app, token):
    app.control.fault("day_limit", retry_after=86_400)

    assert app.report(token).headers["retry-after"] == "86400"


def test_html_fault_looks_like_success(app, token):
    app.control.fault("html")
    page = app.report(token)

    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")


def test_truncated_body_is_half_of_the_real_one_and_says_so(app, token):
    whole = app.report(token).content
    app.control.fault("truncated")
    half = app.report(token)

    assert half.content == whole[: len(whole) // 2]
    assert half.headers["content-length"] == str(len(whole) // 2)
    assert half.headers["content-type"] == "application/json"


def test_lost_answer_rotates_and_then_cuts_the_connection(app):
    first = app.connect()
    app.control.fault("lost_answer", path="/token")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        app.refresh(first["refresh_token"])
    calls = app.control.calls("token")
    # The grace lets the spent token be shown again; its old age shows that it was spent.
    recovered = app.refresh(first["refresh_token"])
    app.control.advance_clock(31 * 60)
    late = app.refresh(first["refresh_token"])

    assert calls[-1]["status"] == 0
    assert recovered.status_code == 200
    assert late.json() == {"error": "invalid_grant"}


def test_slow_answer_comes_after_the_delay(app, token):
    app.control.fault("slow", seconds=0.2)
    began = time.monotonic()
    answer = app.report(token)

    assert answer.status_code == 200
    assert time.monotonic() - began >= 0.2


def test_slow_provider_does_its_work_although_the_client_has_hung_up(app):
    first = app.connect()
    app.control.fault("slow", seconds=60, path="/token")
    app.control.clear_calls()
    with pytest.raises(httpx.ReadTimeout):
        app.http.post(
            f"{app.url}/token",
            data={"grant_type": "refresh_token", "refresh_token": first["refresh_token"]},
            auth=("app", "s3cret"),
            timeout=httpx.Timeout(60, read=0.1),
        )
    deadline = time.monotonic() + 60
    while not app.control.calls("token") and time.monotonic() < deadline:
        pass
    app.control.advance_clock(31 * 60)

    assert app.refresh(first["refresh_token"]).json() == {"error": "invalid_grant"}


def test_expired_access_tokens_can_be_refreshed(app):
    first = app.connect()
    app.control.expire_access_tokens()
    refused = app.report(first["access_token"])
    second = app.refresh(first["refresh_token"]).json()

    assert refused.json() == {"problem": "expired"}
    assert app.report(second["access_token"]).status_code == 200


def test_revoked_grants_are_dead_and_their_connections_gone(app):
    first, other = app.connect("org-1"), app.connect("org-2")
    ended = app.control.revoke_grants("org-1")

    assert ended == 1
    assert app.report(first["access_token"]).json() == {"problem": "ended"}
    assert app.refresh(first["refresh_token"]).json() == {"error": "invalid_grant"}
    assert app.refresh(other["refresh_token"]).status_code == 200
    assert [item["tenantId"] for item in app.get("connections", other["access_token"]).json()] == [
        "org-2"
    ]


def test_all_grants_are_revoked_where_no_organisation_is_named(app):
    app.connect("org-1")
    app.connect("org-2")

    assert app.control.revoke_grants() == 2


def test_vanished_organisation_leaves_the_grant_alive(app):
    tokens = app.connect("org-1", "org-2")
    app.control.vanish_tenant("org-1")

    assert app.report(tokens["access_token"], tenant="org-1").status_code == 403
    assert app.report(tokens["access_token"], tenant="org-2").status_code == 200
    assert app.refresh(tokens["refresh_token"]).status_code == 200
    assert "Brightside" not in app.http.get(app.authorize_url()).text


def test_reset_forgets_everything_also_the_plugins_own_state(app, token):
    app.control.post("note", text="restated")
    app.control.vanish_tenant("org-2")
    app.control.fault("status", times=None)
    app.control.reset()

    assert app.report(token).json() == {"problem": "unknown"}
    fresh = app.connect("org-2")["access_token"]
    assert app.report(fresh).json()["notes"] == []


def test_plugins_own_control_route_answers_what_it_returns(app):
    assert app.control.post("note", text="one") == {"notes": 1}


def test_calls_are_logged_with_query_organisation_and_status(app, token):
    app.http.get(
        f"{app.url}/report?from=2026-01-31&code=abc", headers={"Authorization": "Bearer x"}
    )
    app.report(token)

    assert app.control.calls() == [
        {
            "method": "GET",
            "path": "/report",
            "query": {"from": "2026-01-31", "code": "***"},
            "tenant_id": None,
            "status": 401,
        },
        {"method": "GET", "path": "/report", "query": {}, "tenant_id": "org-1", "status": 200},
    ]


def test_cleared_calls_are_gone_and_control_calls_were_never_in(app, token):
    app.report(token)
    app.control.clear_calls()

    assert app.control.calls() == []


def test_every_answer_carries_a_fresh_trace_id(app, token):
    first, second = app.report(token), app.report("nonsense")

    assert first.headers["demo-correlation-id"] != second.headers["demo-correlation-id"]


@pytest.mark.parametrize(
    ("action", "body", "problem"),
    [
        ("faults", {"kind": "explode"}, "kind: Input should be"),
        ("faults", {"kind": "slow", "minutes": 3}, "minutes: Extra inputs"),
        ("faults", {}, "kind: Field required"),
        ("advance_clock", {"seconds": -1}, "seconds: expected 0 to"),
        ("advance_clock", {"seconds": float("nan")}, "seconds: expected 0 to"),
        ("advance_clock", {}, "seconds: expected, found nothing"),
        ("vanish_tenant", {}, "tenant_id: expected, found nothing"),
        ("limits", {"hour": 3}, "no limit called 'hour'"),
    ],
)
def test_control_refuses_what_it_does_not_understand_by_name(app, action, body, problem):
    with pytest.raises(RuntimeError, match="status 422") as refusal:
        app.control.post(action, **body)

    assert problem in str(refusal.value)


def test_revoking_a_token_ends_everything_the_user_granted_at_xero(app):
    first = app.connect("org-1", user_id="alice")
    second = app.connect("org-2", user_id="alice")
    other = app.connect("org-2", user_id="bob")
    answer = app.http.post(
        f"{app.url}/revoke", data={"token": first["refresh_token"]}, auth=("app", "s3cret")
    )

    assert (answer.status_code, answer.content) == (200, b"")
    assert app.refresh(second["refresh_token"]).json() == {"error": "invalid_grant"}
    assert app.refresh(other["refresh_token"]).status_code == 200


def test_revoking_needs_the_client_and_never_tells_whether_a_token_is_known(app):
    def revoke(token, secret):
        return app.http.post(f"{app.url}/revoke", data={"token": token}, auth=("app", secret))

    assert revoke("x", "wrong").status_code == 401
    assert revoke("never issued", "s3cret").status_code == 200


def test_revoking_a_token_ends_one_grant_at_gusto_also_by_json():
    with demo_app(LIKE_GUSTO) as app:
        first, second = app.connect("org-1"), app.connect("org-2")
        body = {"client_id": "app", "client_secret": "s3cret", "token": first["access_token"]}
        answer = app.http.post(f"{app.url}/revoke", json=body)

        assert answer.status_code == 200
        assert app.report(first["access_token"]).status_code == 401
        assert app.refresh(second["refresh_token"]).status_code == 200
