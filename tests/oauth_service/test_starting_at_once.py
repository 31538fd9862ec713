"""Replicas that start together on a database to which nothing has happened yet."""

from support.oauth_processes import Serving, replicas
from support.oauth_rig import Rig


def test_two_processes_may_start_at_once_on_an_empty_database(rig: Rig, database_url: str) -> None:
    serving = Serving({**rig.environment, "ZEBBRA_OAUTH_DATABASE": database_url})
    with replicas() as starter:
        one, other = starter.start(serving, serving)
        one.pipeline.link("acme")
        other.pipeline.link("globex")
        seen = [replica.pipeline.http.get("/api/workspaces").json() for replica in (one, other)]

    assert [item["workspace_id"] for item in seen[0]["workspaces"]] == ["acme", "globex"]
    assert seen[1] == seen[0]
