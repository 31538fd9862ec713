"""The built-in integrations against their own sandboxes."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr
from support.oauth_builtin import Connected, allow_first_tenant, running_builtin
from support.oauth_rig import heading, hidden_fields

from integrations.contracts import token_fingerprint
from integrations.runtime.registry import load_registry


@pytest.fixture(params=sorted(load_registry().plugins))
def connected(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connected]:
    with running_builtin(request.param, tmp_path / "home") as found:
        yield found


@pytest.mark.parametrize("slug", sorted(load_registry().plugins))
def test_cards_are_written_alike(slug: str) -> None:
    plugin = load_registry().get(slug)
    texts = [plugin.summary, *plugin.oauth.scope_meanings.values()]

    assert [text for text in texts if not text[:1].isupper() or text.endswith(".")] == []


def test_connects_refreshes_and_disconnects(connected: Connected) -> None:
    slug, person, pipeline = connected.slug, connected.person, connected.pipeline
    person.open(pipeline.link())
    back = allow_first_tenant(person.login(slug=slug))
    page = person.http.get(back, follow_redirects=True)
    assert heading(page) == "Connect Acme Ltd"
    first = connected.token()
    assert first["tenant_id"]
    assert f"is connected: {first['tenant_name']}." in page.text.replace("&amp;", "&")

    connected.sandbox.fault("lost_answer", path=_token_path(slug))
    spent = token_fingerprint(SecretStr(first["access_token"]))
    second = connected.token(rejected=spent)
    assert second["access_token"] != first["access_token"]
    assert second["tenant_id"] == first["tenant_id"]

    fields = hidden_fields(page)
    done = person.http.post(f"/integration/{slug}/disconnect", data=fields, follow_redirects=True)
    assert "is disconnected." in done.text
    assert pipeline.token(slug=slug).json()["code"] == "not_connected"


def test_dead_grant_is_noticed(connected: Connected) -> None:
    slug, person, pipeline = connected.slug, connected.person, connected.pipeline
    person.open(pipeline.link())
    person.http.get(allow_first_tenant(person.login(slug=slug)))
    first = connected.token()
    connected.sandbox.revoke_grants()
    spent = token_fingerprint(SecretStr(first["access_token"]))
    answer = pipeline.token(slug=slug, rejected=spent)

    assert (answer.status_code, answer.json()["code"]) == (409, "requires_reconnect")


def _token_path(slug: str) -> str:
    return urlsplit(load_registry().get(slug).oauth.token_url).path
