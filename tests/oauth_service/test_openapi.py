"""Whatever is sent to the API, it answers what its OpenAPI document says, and never 5xx."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    positive_data_acceptance,
    response_schema_conformance,
    status_code_conformance,
)
from support.oauth_rig import SERVICE_KEY, Rig, running_rig

pytestmark = pytest.mark.slow
CHECKS = [
    not_a_server_error,
    positive_data_acceptance,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
KNOWN = {"workspace_id": "acme", "slug": "toybooks"}
AUTHORIZED = {"Authorization": f"Bearer {SERVICE_KEY}"}
few = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
Generation = pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, shared_database_url: str) -> Iterator[Rig]:
    """Unlike the other tests' service, on both kinds of database: they refuse different texts."""
    overrides = {"ZEBBRA_OAUTH_DATABASE": shared_database_url}
    with running_rig(tmp_path_factory.mktemp("oauth") / "home", overrides=overrides) as rig:
        yield rig


def ask_everything(rig: Rig, mode: GenerationMode, send: Callable[[Case], None]) -> set[str]:
    """Call *send* with requests to each operation; return the operations."""
    rig.connect()
    document = schemathesis.openapi.from_url(f"{rig.url}/openapi.json")
    asked: set[str] = set()
    for found in document.get_all_operations():
        operation = found.ok()
        strategy = operation.as_strategy(generation_mode=mode)
        try:
            few(given(case=strategy)(send))()
        except Unsatisfiable:  # nothing about this operation can be wrong
            assert mode is GenerationMode.NEGATIVE
        asked.add(operation.label)
    return asked


@Generation
def test_any_request_gets_a_documented_answer(rig: Rig, mode: GenerationMode) -> None:
    def send(case: Case) -> None:
        case.call_and_validate(headers=AUTHORIZED, checks=CHECKS)

    assert ask_everything(rig, mode, send) == {
        "GET /healthz",
        "GET /healthz/live",
        "GET /healthz/ready",
        "GET /metrics",
        "GET /integration/providers",
        "POST /api/connect-links",
        "POST /api/admin-links",
        "GET /api/workspaces",
        "GET /api/workspaces/{workspace_id}/integrations/{slug}/token",
        "GET /api/workspaces/{workspace_id}/integrations/{slug}/history",
        "GET /api/connections",
    }


@Generation
def test_any_request_about_a_connection_gets_a_documented_answer(
    rig: Rig, mode: GenerationMode
) -> None:
    def send(case: Case) -> None:
        case.path_parameters = {name: KNOWN[name] for name in case.path_parameters}
        case.call_and_validate(headers=AUTHORIZED, checks=CHECKS)

    ask_everything(rig, mode, send)


@Generation
def test_any_request_without_the_service_key_is_refused_as_documented(
    rig: Rig, mode: GenerationMode
) -> None:
    def send(case: Case) -> None:
        answer = case.call_and_validate(checks=CHECKS)
        assert answer.status_code == 401 or not case.path.startswith("/api/")

    ask_everything(rig, mode, send)


@pytest.mark.parametrize(
    ("workspace_id", "taken"),
    [
        ("acme", True),
        ("A-1_z", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("", False),
        ("ä", False),
    ],
)
def test_document_says_which_workspace_ids_the_service_takes(
    rig: Rig,
    workspace_id: str,
    taken: bool,  # noqa: FBT001 -- a parameter of the test
) -> None:
    document = httpx.get(f"{rig.url}/openapi.json").json()
    body = document["components"]["schemas"]["ConnectLinkRequest"]["properties"]["workspace_id"]
    stated = [body["pattern"], *_patterns(document, "workspace_id")]
    answer = rig.pipeline.http.post("/api/connect-links", json={"workspace_id": workspace_id})

    assert stated == ["^[A-Za-z0-9_-]{1,64}$"] * 5
    assert (answer.status_code, bool(re.search(stated[0], workspace_id))) == (
        200 if taken else 422,
        taken,
    )


def test_document_says_what_names_an_integration(rig: Rig) -> None:
    document = httpx.get(f"{rig.url}/openapi.json").json()
    rig.connect()
    answers = [rig.pipeline.token(slug=slug).status_code for slug in ("ToyBooks", "toy-books")]

    assert _patterns(document, "slug") == ["^[A-Za-z0-9]+$"] * 2
    assert answers == [200, 404]


def _patterns(document: Any, name: str) -> list[str]:
    """Return the patterns of the parameters called *name*, in all operations."""
    schemas = [
        parameter["schema"]
        for operations in document["paths"].values()
        for operation in operations.values()
        for parameter in operation.get("parameters", ())
        if parameter["name"] == name
    ]
    return [schema.get("anyOf", [schema])[0].get("pattern", "none") for schema in schemas]


def test_text_that_one_kind_of_database_cannot_store_is_refused_by_both(rig: Rig) -> None:
    document = schemathesis.openapi.from_url(f"{rig.url}/openapi.json")
    body = {"workspace_id": "acme", "workspace_name": "Acme\x00Ltd"}
    case = document["/api/connect-links"]["POST"].Case(body=body, media_type="application/json")
    answer = case.call_and_validate(headers=AUTHORIZED, checks=CHECKS)

    assert answer.status_code == 422
