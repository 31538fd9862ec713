"""Every line of the log says which request, workspace and integration it is about, and no secret."""

import io
import json
import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError
from support.oauth_rig import SECRET, SERVICE_KEY, Rig, running_rig

from integrations.sandbox_kit.browser import query_of
from oauth_service.ops.logs import JsonLines, TextLines, exception_text, masked
from oauth_service.web.limits import RequestLimits

TOKEN_ROUTE = "/api/workspaces/{workspace_id}/integrations/{slug}/token"


class Log(io.StringIO):
    """What the service at *url* writes."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def settled(self) -> str:
        """Return all of it. A line may follow its answer; another request comes later still."""
        httpx.get(f"{self._url}/static/icon.svg", timeout=60)
        return self.getvalue()

    def lines(self, **wanted: Any) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self.settled().splitlines()]
        return [line for line in found if wanted.items() <= line.items()]

    def of_request(self, request_id: str) -> list[dict[str, Any]]:
        return self.lines(request_id=request_id)


@contextmanager
def writing(rig: Rig, formatter: logging.Formatter) -> Iterator[Log]:
    """Let what this process logs be written to a log of its own too."""
    log = Log(rig.url)
    handler = logging.StreamHandler(log)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield log
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


@pytest.fixture
def log(rig: Rig) -> Iterator[Log]:
    with writing(rig, JsonLines()) as found:
        yield found


def asked(rig: Rig, path: str, request_id: str, **headers: str) -> httpx.Response:
    return rig.pipeline.http.get(path, headers={"X-Request-ID": request_id} | headers)


def test_request_line_has_these_fields(rig: Rig, log: Log) -> None:
    rig.connect()
    asked(rig, "/api/workspaces/acme/integrations/toybooks/token", "run-1")
    (line,) = log.of_request("run-1")
    took_ms = line.pop("ms")

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert re.fullmatch(r"GET '/api/workspaces/acme/\S+/token' 200 \d+ ms", line.pop("message"))
    assert line == {
        "level": "INFO",
        "logger": "oauth_service.requests",
        "request_id": "run-1",
        "workspace": "acme",
        "integration": "toybooks",
        "method": "GET",
        "path": "/api/workspaces/acme/integrations/toybooks/token",
        "route": TOKEN_ROUTE,
        "status": 200,
    }
    assert 0 < took_ms < 20_000


@pytest.mark.parametrize("given", ["a", "x" * 64, "6f1c-4_b.2"])
def test_sane_request_id_is_kept(rig: Rig, given: str) -> None:
    assert asked(rig, "/healthz", given).headers.get_list("x-request-id") == [given]


@pytest.mark.parametrize("given", ["", "x" * 65, "two words", 'a"b', "a/b", "{}"])
def test_other_request_ids_are_replaced(rig: Rig, given: str) -> None:
    (made,) = asked(rig, "/healthz", given).headers.get_list("x-request-id")

    assert re.fullmatch(r"[0-9a-f]{16}", made)


def test_requests_without_an_id_get_different_ones(rig: Rig) -> None:
    made = {httpx.get(f"{rig.url}/healthz", timeout=60).headers["x-request-id"] for _ in range(3)}

    assert len(made) == 3


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/api/workspaces/acme/integrations/toybooks/token", SERVICE_KEY, 200),
        ("/api/workspaces/acme/integrations/toybooks/token", "guess", 401),
        ("/nowhere", "guess", 404),
        ("/static/style.css", "guess", 200),
        ("/connect", "guess", 401),
        (f"/connect?{'x' * 20_000}", "guess", 414),
    ],
)
def test_each_answer_carries_the_id(rig: Rig, log: Log, path: str, key: str, status: int) -> None:
    rig.connect()
    answer = asked(rig, path, "here-1", Authorization=f"Bearer {key}")
    (line,) = log.of_request("here-1")

    assert (answer.status_code, answer.headers["x-request-id"]) == (status, "here-1")
    assert line["status"] == status
    assert "?" not in line["path"]


def test_answer_to_who_asks_too_often_carries_the_id(tmp_path: Path) -> None:
    with running_rig(tmp_path, limits=RequestLimits(burst=1, per_second=0.001)) as narrow:
        headers = {"X-Request-ID": "often-1"}
        answers = [
            httpx.get(f"{narrow.url}/connect", headers=headers, timeout=60) for _ in range(2)
        ]

    assert [each.status_code for each in answers] == [401, 429]
    assert answers[1].headers["x-request-id"] == "often-1"


def test_unexpected_error_answers_its_id_and_logs_no_secret(
    rig: Rig, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "made-up-0123456789abcdef"

    def broken() -> None:
        try:
            {}[token]
        except KeyError as exc:
            raise RuntimeError(f"at https://x.invalid/?code=short: {token}") from exc

    monkeypatch.setattr(rig.services.store.workspaces, "all", broken)
    answer = rig.pipeline.once("/api/workspaces", {"X-Request-ID": "broken-1"})
    lines = log.of_request("broken-1")
    (failure,) = [line for line in lines if "exception" in line]

    assert (answer.status_code, answer.headers["x-request-id"]) == (500, "broken-1")
    assert {line["logger"] for line in lines} == {"oauth_service.requests", "uvicorn.error"}
    assert [line["status"] for line in lines if "status" in line] == [500]
    assert failure["exception"].endswith("RuntimeError: at https://x.invalid/?[…] […]")
    assert failure["exception"].index("KeyError: ") < failure["exception"].index("RuntimeError: ")
    assert "in broken" in failure["exception"]
    assert token not in log.settled()


def test_refresh_that_callers_share_is_logged_under_one_of_their_requests(
    rig: Rig, log: Log
) -> None:
    rig.connect()
    rig.expire()
    rig.provider.fault("slow", path="/token", seconds=0.2)
    path = "/api/workspaces/acme/integrations/toybooks/token"
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: asked(rig, path, f"caller-{number}"), range(4)))
    (line,) = log.lines(logger="oauth_service.grants.rotation")

    assert [answer.status_code for answer in answers] == [200] * 4
    assert re.fullmatch(r"caller-\d", line["request_id"])
    assert (line["workspace"], line["integration"]) == ("acme", "toybooks")


def test_line_of_a_thread_is_logged_under_the_request_that_started_it(
    rig: Rig, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> None:
        raise OperationalError("SELECT", {}, Exception())

    monkeypatch.setattr(rig.services.store.connections, "counts", gone)
    asked(rig, "/metrics", "scrape-1")
    (line,) = log.lines(logger="oauth_service.web.operations")

    assert (line["level"], line["request_id"]) == ("WARNING", "scrape-1")


def test_each_step_of_connecting_says_who_connects_what(rig: Rig, log: Log) -> None:
    rig.person.connect(rig.pipeline.link())
    rig.pipeline.connections(workspace_id="acme")
    rig.pipeline.http.get("/integration/providers", params={"workspace_id": "acme"})
    shown = {
        (line["route"], line["workspace"], line["integration"])
        for line in log.lines(logger="oauth_service.requests")
        if line["route"] != "/static/{path}"
    }

    assert shown == {
        ("/api/connect-links", "acme", None),
        ("/connect", "acme", None),
        ("/integration/{slug}/login", "acme", "toybooks"),
        ("/integration/{slug}/callback", "acme", "toybooks"),
        ("/api/connections", "acme", None),
        ("/integration/providers", "acme", None),
    }


def test_nothing_that_opens_anything_is_in_either_format(rig: Rig) -> None:
    with writing(rig, JsonLines()) as in_json, writing(rig, TextLines()) as as_text:
        link = rig.pipeline.link()
        rig.person.open(link)
        back = rig.person.allow(rig.person.login())
        rig.person.http.get(back, follow_redirects=True)
        for fault in ("lost_answer", "html", "status"):
            rig.expire()
            rig.provider.fault(fault, path="/token")
            rig.pipeline.token()
        rig.provider.revoke_grants()
        rig.expire()
        rig.pipeline.token()
        lines = [*map(json.dumps, in_json.lines()), *as_text.settled().splitlines()]
    # The tests' own clients log too.
    seen = "\n".join(line for line in lines if "httpx" not in line)
    secrets = {*rig.provider.issued(), *query_of(back).values(), query_of(link)["session"]}

    assert "oauth_service.grants.rotation" in seen
    assert [each for each in (*secrets, SECRET, SERVICE_KEY) if each in seen] == []


def _record(message: str, error: BaseException | None = None) -> logging.LogRecord:
    info = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("there", logging.ERROR, __file__, 1, message, None, info)


def test_event_is_one_line_whatever_it_says() -> None:
    forged = "first\n2026-01-01T00:00:00.000Z INFO there second\r\n"

    assert len(TextLines().format(_record(forged)).splitlines()) == 1
    assert len(JsonLines().format(_record(forged)).splitlines()) == 1


def test_error_without_a_request_is_shown_with_its_cause_in_both_formats() -> None:
    error = ExceptionGroup("both", [ValueError("one"), LookupError("other")])
    text = TextLines().format(_record("it failed", error))
    in_json = json.loads(JsonLines().format(_record("it failed", error)))

    assert text.partition("Z ")[2].startswith("ERROR there it failed\n")
    assert text.partition("\n")[2] == in_json["exception"] == exception_text(error)
    assert in_json["exception"].splitlines() == [
        "ExceptionGroup: both (2 sub-exceptions)",
        "ValueError: one",
        "LookupError: other",
    ]
    assert in_json["request_id"] is in_json["workspace"] is in_json["integration"] is None


class _Answer(BaseModel):
    expires_in: int


def _validation_error() -> str:
    try:
        _Answer.model_validate({"expires_in": "short-secret"})
    except ValueError as exc:
        return str(exc)
    raise AssertionError


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://zebbra:short-secret@db/zebbra",
        "GET /integration/xero/callback?code=short-secret&state=1",
        "refresh_token=short-secret&grant_type=refresh_token",
        "{'access_token': 'short-secret', 'expires_in': 1800}",
        '{"client_secret": "short-secret"}',
        "Authorization: Bearer short-secret",
        "'short-secret-but-longer-than-twenty'",
        _validation_error(),
    ],
)
def test_secret_in_a_message_of_a_library_is_masked(text: str) -> None:
    assert "short-secret" in text
    assert "short-secret" not in masked(text)


def test_long_message_is_masked_at_once() -> None:
    assert masked(f"at {'x' * 50_000}: {'ü' * 50_000}").startswith("at […]: ")


@pytest.mark.parametrize(
    "text",
    [
        "(sqlite3.OperationalError) database is locked",
        "connection to server at 127.0.0.1, port 5432 failed: Connection refused",
        "Xero: workspace 'acme' must reconnect: the grant is dead",
    ],
)
def test_what_an_operator_needs_is_not_masked(text: str) -> None:
    assert masked(text) == text
