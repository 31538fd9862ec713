"""The kit's own example works, and what it exports exists."""

import textwrap
from typing import Any
from urllib.parse import urlencode

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from integrations import sandbox_kit
from integrations.sandbox_kit import SandboxControl, consent, sandbox_app, serve_in_thread


def test_example_in_the_docstring_is_a_whole_emulator():
    lines = (sandbox_kit.__doc__ or "").splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("    TENANTS"))
    last = next(i for i, line in enumerate(lines) if line.startswith("    with serve_in_thread"))
    names: dict[str, Any] = {name: getattr(sandbox_kit, name) for name in sandbox_kit.__all__}
    names |= {item.__name__: item for item in (JSONResponse, Request, Response, Route, Starlette)}
    exec(textwrap.dedent("\n".join(lines[first:last])), names)  # noqa: S102 -- our own docstring
    with serve_in_thread(sandbox_app({"demobooks": names["build_sandbox"]})) as base:
        query = {"response_type": "code", "client_id": "a", "redirect_uri": "https://app/cb"}
        url = f"{base}/demobooks/oauth/authorize?{urlencode(query)}"
        code = httpx.URL(consent(url, tenant_ids=["org-1"])).params["code"]
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": "https://app/cb",
            "client_id": "a",
            "client_secret": "s",
        }
        token = httpx.post(f"{base}/demobooks/oauth/token", data=form, timeout=60).json()[
            "access_token"
        ]
        answer = httpx.get(
            f"{base}/demobooks/v1/organisations/org-1", headers={"Authorization": f"Bearer {token}"}
        )

    assert answer.json()["id"] == "org-1"
    assert answer.headers["x-ratelimit-remaining"] == "199"


def test_every_exported_name_exists_and_the_list_is_sorted():
    assert [name for name in sandbox_kit.__all__ if not hasattr(sandbox_kit, name)] == []
    assert sorted(sandbox_kit.__all__) == list(sandbox_kit.__all__)


def test_control_actions_named_in_the_docstring_all_exist():
    text = (sandbox_kit.__doc__ or "").split("`POST ")[1].split("`")[0]
    actions = [action.strip() for action in text.split("|")]
    app = sandbox_app({"demobooks": _empty_emulator})
    with serve_in_thread(app) as base:
        statuses = {
            action: httpx.post(
                f"{base}/demobooks/_control/{action}", json={}, timeout=60
            ).status_code
            for action in actions
        }
        SandboxControl(f"{base}/demobooks").reset()

    assert len(actions) == 7
    assert set(statuses.values()) <= {200, 422}


def _empty_emulator(context: sandbox_kit.SandboxContext) -> Starlette:
    oauth = sandbox_kit.OAuthProvider(
        slug="demobooks", tenants=(), rules=sandbox_kit.OAuthRules(), context=context
    )
    return sandbox_kit.build_emulator(oauth=oauth, routes=[])
