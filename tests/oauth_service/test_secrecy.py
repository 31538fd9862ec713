"""Tokens are seen by whoever holds the service key and asks for one, and by nobody else."""

import logging
from pathlib import Path

import httpx
import pytest
from sqlalchemy import make_url
from support.oauth_rig import SECRET, SERVICE_KEY, Rig

from integrations.contracts import TokenSet
from integrations.sandbox_kit.browser import query_of
from oauth_service.grants.token_endpoint import Granted


def tokens_now(rig: Rig) -> TokenSet:
    connection = rig.services.store.connections.get("acme", "toybooks")
    assert connection is not None
    return rig.services.store.connections.tokens(connection)


def secrets_of(tokens: TokenSet) -> set[str]:
    assert tokens.refresh_token is not None
    return {tokens.access_token.get_secret_value(), tokens.refresh_token.get_secret_value()}


def test_no_token_in_logs_answers_or_files(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[httpx.Response] = []
    rig.person.http.event_hooks["response"] = [seen.append]
    rig.pipeline.http.event_hooks["response"] = [seen.append]
    link = rig.pipeline.link()
    rig.person.open(link)
    authorize_url = rig.person.login()
    back = rig.person.allow(authorize_url, ("toy-1", "toy-2"))
    choice = rig.person.http.get(back, follow_redirects=True)
    rig.person.press("/integration/toybooks/tenant", choice, tenant_id="toy-1")
    secrets = secrets_of(tokens_now(rig))
    for fault in ("lost_answer", "html", "truncated", "status"):
        rig.expire()
        rig.provider.fault(fault, path="/token")
        rig.pipeline.token()
        secrets |= secrets_of(tokens_now(rig))
    rig.pipeline.connections()
    rig.pipeline.http.get("/metrics")
    rig.pipeline.http.get("/openapi.json")
    rig.person.press("/integration/toybooks/disconnect", rig.person.open(rig.pipeline.link()))
    rig.person.connect(rig.pipeline.link())
    secrets |= secrets_of(tokens_now(rig))
    rig.expire()
    rig.provider.revoke_grants()
    rig.pipeline.token()
    rig.person.open(rig.pipeline.link())
    rig.person.http.event_hooks["response"] = []
    rig.pipeline.http.event_hooks["response"] = []

    assert len(secrets) == 12
    in_urls = {query_of(link)["session"], query_of(back)["state"], query_of(back)["code"]}
    logged = _server_log(caplog)
    assert "GET '/connect' 200" in logged
    assert [
        secret for secret in secrets | in_urls | {SECRET, SERVICE_KEY} if secret in logged
    ] == []
    for answer in seen:
        if answer.status_code == 200 and answer.request.url.path.endswith("/token"):
            continue
        shown = answer.text + str(answer.headers)
        assert [secret for secret in secrets | {SECRET, SERVICE_KEY} if secret in shown] == []
    for stored in _database_files(rig):
        assert [secret for secret in secrets if secret.encode() in stored.read_bytes()] == []


def test_tokens_are_not_printed(rig: Rig) -> None:
    rig.connect()
    tokens = tokens_now(rig)
    connection = rig.services.store.connections.get("acme", "toybooks")
    shown = f"{connection!r} {tokens!r} {Granted(tokens)!r} {rig.services.links.create('acme')!r}"

    assert [secret for secret in secrets_of(tokens) if secret in shown] == []
    assert "gAAAA" not in shown


def _server_log(caplog: pytest.LogCaptureFixture) -> str:
    """Return what was logged, but for the lines of the tests' own HTTP clients."""
    ours = ("httpx", "httpcore")
    lines = [r.getMessage() for r in caplog.records if not r.name.startswith(ours)]
    return "\n".join(lines)


def _database_files(rig: Rig) -> list[Path]:
    database = make_url(rig.settings.oauth_database).database
    assert database is not None
    files = sorted(Path(database).parent.glob(f"{Path(database).name}*"))
    assert files[0].name == "oauth.sqlite"
    return files
