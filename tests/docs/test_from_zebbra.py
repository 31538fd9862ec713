"""Every concept of the predecessor's guide is on the page, where the page says, and migrates so."""

import ast
import re
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr
from support.docs import DOCS, ROOT, page, write_package

from integrations.contracts import (
    Answer,
    IntegrationSettings,
    NewGrant,
    PayloadError,
    ProviderClient,
    Statement,
)
from integrations.runtime.registry import load_registry, setup_integrations

PAGE = page(DOCS / "from_zebbra.md")
CONCEPTS = [
    "IntegrationProvider",
    "IntegrationOAuth",
    "register_oauth_app",
    "_perform_token_refresh",
    "_store_oauth_token",
    "oauth_login",
    "oauth_callback",
    "IntegrationAccess",
    "FetchAdapter",
    "workspace_id",
    "integration",
    "get_data",
    "get_data_endpoints",
    "DataBatch",
    "setup_integrations",
]
TODAY = date(2025, 2, 14)
NOW = datetime(2025, 2, 14, 12, tzinfo=UTC)
REPORTS = {
    "profit-and-loss": [
        {"section": "Income", "account": "a1", "label": "Sales", "amounts": ["100.10", "0.00"]},
        {"section": "Income", "account": None, "label": "Total", "amounts": ["100.10", "0.00"]},
    ],
    "balance-sheet": [
        {"section": "Bank", "account": "b1", "label": "Till", "amounts": ["12.30", "12.30"]},
        {"section": "Bank", "account": None, "label": "Total", "amounts": ["12.30", "12.30"]},
    ],
}


class Tidebooks(ProviderClient):
    """Answers as the page says that Tidebooks does; it has no sandbox."""

    tenant_id, tenant_name, calls = "c1", "Harbour Ltd", 0

    def __init__(self):
        self.asked = []

    async def get(self, path, params=None, *, headers=None, slow_tries=None):
        self.asked.append((path, params))
        if path == "v2/companies":
            companies = [{"id": "c1", "name": "Harbour Ltd"}, {"id": "c2", "name": "Quay Ltd"}]
            return Answer(200, {"companies": companies})
        months = ["2025-01-31", "2025-02-28"]
        rows = REPORTS[path.rpartition("/")[2]]
        return Answer(200, {"currency": "EUR", "months": months, "rows": rows})


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The migrated plugin, imported from the page."""
    folder = write_package(PAGE, tmp_path_factory.mktemp("tidebooks"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder / "src"))
        yield import_module("zebbra_tidebooks")
    for name in [name for name in sys.modules if name.startswith("zebbra_tidebooks")]:
        del sys.modules[name]


@pytest.fixture
def app(package):
    plugin = package.PLUGIN
    settings = IntegrationSettings(client_id="id", client_secret=SecretStr("hidden"))
    return plugin.oauth.register_oauth_app(plugin.slug, settings, api_base_url=plugin.api.base_url)


def concepts():
    """Yield each row of the table: names there, and where it is now."""
    for row in PAGE.section("Where each concept is now").splitlines():
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        if len(cells) == 3 and cells[2].startswith("`"):
            yield cells[0], cells[2].strip("`")


def test_every_concept_of_the_guide_is_in_the_table():
    there = " ".join(names for names, _ in concepts())

    assert [name for name in CONCEPTS if f"`{name}`" not in there] == []
    assert "`make generate_from_template INTEGRATION=<name>`" in there


@pytest.mark.parametrize("dotted", sorted({where for _, where in concepts()}))
def test_where_it_is_now_is_there(dotted):
    assert resolve(dotted) is not None


def test_concepts_that_kept_their_name_are_found_under_it():
    under_own_name = {names.strip("`") for names, where in concepts() if names.strip("`") in where}

    assert set(CONCEPTS) - under_own_name == {"workspace_id"}


def test_setup_integrations_finds_what_is_installed():
    assert setup_integrations() is load_registry()
    assert {"xero", "gusto", "quickbooks"} <= set(setup_integrations().plugins)


def test_old_files_are_python_and_have_what_the_guide_asked_for():
    old = [block for block in PAGE.blocks if block.mark == "(before)"]
    names = {
        node.name
        for block in old
        for node in ast.walk(ast.parse(block.text))
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert len(old) == 2
    assert {
        "_perform_token_refresh",
        "_store_oauth_token",
        "login_route",
        "callback_route",
    } <= names
    assert {"workspace_id", "integration", "get_data", "get_data_endpoints"} <= names


def test_new_files_are_linted(package, tmp_path):
    import subprocess

    folder = write_package(PAGE, tmp_path)
    for command in (["check"], ["format", "--check", "--diff"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--config", "pyproject.toml", folder / "src"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_login_names_scopes_state_and_callback(package, app):
    url = package.PLUGIN.oauth.oauth_login(
        app, redirect_uri="http://localhost/cb", state="s", code_challenge=None
    )
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

    assert url.startswith("https://id.tidebooks.example/authorize?")
    assert query["scope"] == "books.read offline_access"
    assert (query["state"], query["redirect_uri"]) == ("s", "http://localhost/cb")


def test_refresh_sends_what_the_old_one_sent(package, app):
    request = package.PLUGIN.oauth.refresh_request(
        app, refresh_token=SecretStr("r1"), redirect_uri="http://localhost/cb"
    )

    assert (request.method, request.url) == ("POST", "https://id.tidebooks.example/token")
    assert request.form == {
        "grant_type": "refresh_token",
        "refresh_token": "r1",
        "client_id": "id",
        "client_secret": "hidden",
        "audience": "books",
    }


def test_wrapped_token_answer_is_read_and_an_unwrapped_one_refused(package):
    answer = {"data": {"access_token": "a", "refresh_token": "r2", "expires_in": 600}}
    tokens = package.PLUGIN.oauth.token_set(answer, now=NOW)

    assert tokens.refresh_token.get_secret_value() == "r2"
    assert tokens.expires_at == NOW + timedelta(minutes=10)
    with pytest.raises(PayloadError, match="access_token: expected text, found none"):
        package.PLUGIN.oauth.token_set(answer["data"], now=NOW)


async def test_all_companies_are_offered_rather_than_the_first(package):
    tokens = package.PLUGIN.oauth.token_set({"data": {"access_token": "a"}}, now=NOW)
    found = await package.PLUGIN.oauth.find_tenants(Tidebooks(), NewGrant(tokens, {}))

    assert [(tenant.id, tenant.name) for tenant in found] == [
        ("c1", "Harbour Ltd"),
        ("c2", "Quay Ltd"),
    ]


async def test_adapter_returns_the_old_shape_with_exact_figures(package):
    client = Tidebooks()
    adapter = package.PLUGIN.adapter("acme", client, today=TODAY)
    batch = await adapter.get_data(date(2025, 1, 10))
    january, february = date(2025, 1, 31), date(2025, 2, 28)

    assert (adapter.workspace_id, adapter.integration) == ("acme", "Tidebooks")
    assert batch.dates == (january, february)
    assert batch.currency == "EUR"
    assert batch.data["Sales"] == {january: Decimal("100.10"), february: Decimal("0.00")}
    assert batch.data["Bank / Total"][february] == Decimal("12.30")
    assert await adapter.get_data_endpoints(january) == batch.endpoints
    assert client.asked[:2] == [
        ("v2/companies/c1/balance-sheet", {"since": "2025-01-31", "until": "2025-02-28"}),
        ("v2/companies/c1/profit-and-loss", {"since": "2025-01-31", "until": "2025-02-28"}),
    ]


async def test_one_statement_costs_one_call_and_another_shape_is_refused(package):
    client = Tidebooks()
    adapter = package.PLUGIN.adapter("acme", client, today=TODAY)
    only = frozenset({Statement.BALANCE_SHEET})
    batch = await adapter.get_data(date(2025, 1, 10), statements=only)

    assert len(client.asked) == 1
    assert batch.statements == only
    with pytest.raises(PayloadError, match="months: expected those asked for"):
        await adapter.get_data(date(2024, 12, 1))


def resolve(dotted):
    """Import as much of a dotted path as is a module, then follow the attributes."""
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for name in parts[end:]:
            found = getattr(found, name)
        return found
    raise AssertionError(f"{dotted}: nothing of that name can be imported")


def test_page_claims_no_concept_twice():
    names = re.findall(r"`([^`]+)`", " ".join(names for names, _ in concepts()))

    assert len(names) == len(set(names))
