"""`zebbra admin` prints a link that opens the operator's page."""

import json

import httpx


def test_admin_prints_a_link_that_opens_the_operators_page(stack):
    shown = stack.zebbra("admin")
    with httpx.Client(follow_redirects=True) as browser:
        page = browser.get(shown.stdout.strip())

    assert shown.returncode == 0, shown.stderr
    assert "valid until" in shown.stderr
    assert "Connections of all workspaces" in page.text
    assert "Globex GmbH" in page.text


def test_admin_prints_the_link_as_json_too(stack):
    link = json.loads(stack.zebbra("admin", "--json").stdout)

    assert set(link) == {"url", "expires_at"}
    assert link["url"].startswith(f"{stack.oauth_url}/admin?session=")


def test_admin_has_help_with_an_example(stack):
    assert "Example: zebbra admin" in stack.zebbra("admin", "--help").stdout
