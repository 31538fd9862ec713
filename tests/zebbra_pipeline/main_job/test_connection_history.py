"""`zebbra connections <workspace>` tells what happened to each connection."""

import json


def test_connections_of_one_workspace_are_shown_with_their_history(stack):
    stack.connect("storied", gusto="Acme Trading Inc")
    rows = json.loads(stack.zebbra("connections", "storied", "--json").stdout)
    shown = stack.zebbra("connections", "storied").stdout

    assert [row["integration"] for row in rows] == ["Gusto"]
    assert [entry["outcome"] for entry in rows[0]["history"]] == ["connected"]
    assert set(rows[0]["history"][0]) == {
        "at",
        "outcome",
        "detail",
        "trace_id",
        "token_fingerprint",
    }
    assert "Gusto: what happened, latest last" in shown
    assert "token fingerprint" in shown
    assert f"{rows[0]['history'][0]['at'][:19]}Z  connected" in shown  # to the second


def test_connections_of_all_workspaces_are_one_table(stack):
    rows = json.loads(stack.zebbra("connections", "--json").stdout)

    assert {row["workspace_id"] for row in rows} >= {"acme", "globex"}
    assert all("history" not in row for row in rows)
    assert "what happened" not in stack.zebbra("connections").stdout
