"""A provider that refuses the operator's app: shown as the operator's fault, and no one is marked."""

from html import unescape

import pytest
from support.oauth_rig import Rig, heading
from support.operator import ONE, operator, press, told

CREDENTIALS = "TOYBOOKS_CLIENT_ID and TOYBOOKS_CLIENT_SECRET"
ON_OUR_SIDE = "<strong>A problem on our side:</strong> Toybooks refuses the app"
REFUSALS = pytest.mark.parametrize(
    ("status", "error", "settings"),
    [
        (400, "invalid_scope", "TOYBOOKS_SCOPES"),
        (401, "invalid_client", CREDENTIALS),
        (400, "invalid_client", CREDENTIALS),
    ],
)


@REFUSALS
def test_refused_app_is_told_by_its_setting_until_it_is_corrected_and_nobody_is_marked(
    rig: Rig, status: int, error: str, settings: str
) -> None:
    rig.connect("globex", tenants=("toy-2",))
    rig.connect()
    rig.expire()
    cursor = rig.pipeline.connections()["cursor"]
    rig.provider.fault("status", path="/token", status=status, error=error, times=None)
    answer, other = rig.pipeline.token(), rig.pipeline.token("globex")
    page = rig.person.open(rig.pipeline.link(name=None))
    person = operator(rig)
    listed, one = person.http.get("/admin"), person.http.get(ONE)
    pressed = press(person, f"{ONE}/refresh")

    assert (answer.status_code, other.status_code) == (502, 502)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "retry-after" not in answer.headers
    assert answer.json() == {
        "type": "urn:zebbra:problem:configuration",
        "code": "configuration",
        "title": "The operator's app at the provider needs attention",
        "status": 502,
        "detail": f"Toybooks: the provider refuses the operator's app ({error}); check {settings}",
    }
    # One request for each that asked: the same one would be refused again.
    assert rig.refreshes() == 3
    assert rig.pipeline.connections(changed_since=cursor)["connections"] == []
    for workspace_id in ("acme", "globex"):
        found = rig.pipeline.connection(workspace_id)
        assert (found["state"], found["reason"]) == ("connected", None)
    entries = rig.services.store.history.of("acme", "toybooks")
    assert [(entry.outcome.value, entry.detail) for entry in entries] == [
        ("connected", None),
        *[("app_refused", f"{error}: check {settings}")] * 2,
    ]
    assert all(entry.trace_id for entry in entries[1:])

    assert '<span class="badge good">Connected</span>' in page.text
    assert ON_OUR_SIDE in page.text
    assert "Needs reconnecting" not in page.text
    assert f"Provider refused our app</strong>: <bdi>{error}: check {settings}</bdi>" in listed.text
    assert "<strong>▲ Provider refused our app</strong>" in one.text
    assert f"{error}: check {settings}" in one.text
    assert unescape(told(pressed)) == (
        "Not refreshed, for a fault on our side. Toybooks: the provider refuses the operator's app "
        f"({error}); check {settings}. The customer need not do anything; the connection is kept."
    )

    rig.provider.clear_faults()
    assert rig.pipeline.token().status_code == 200
    assert ON_OUR_SIDE not in rig.person.http.get("/connect").text
    assert rig.history()[-1] == "refreshed"


@REFUSALS
def test_person_who_connects_while_the_app_is_refused_did_nothing_wrong(
    rig: Rig, status: int, error: str, settings: str
) -> None:
    rig.connect()
    before = rig.pipeline.token().json()
    rig.provider.clear_calls()
    rig.provider.fault("status", path="/token", status=status, error=error)
    page = rig.person.connect(rig.pipeline.link())

    assert (page.status_code, heading(page)) == (502, "Our app at Toybooks has a problem")
    assert f"({error}). You did nothing wrong." in page.text
    assert f"Tell whoever runs this service to check {settings}." in page.text
    assert rig.refreshes() == 1
    assert rig.pipeline.connection()["state"] == "connected"
    assert rig.pipeline.token().json() == before

    assert rig.person.connect(rig.pipeline.link()).status_code == 200
    assert rig.pipeline.token().json() != before
