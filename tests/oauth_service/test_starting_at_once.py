"""Replicas that start together: on a database to which nothing has happened yet, or an old one."""

from datetime import UTC, datetime

from support.oauth_processes import Serving, replicas
from support.oauth_rig import Rig
from support.token_store import KEY_OF_VERSION_1, TIME_OF_VERSION_1, make_version_1


def test_two_processes_may_start_at_once_on_an_empty_database(rig: Rig, database_url: str) -> None:
    serving = Serving({**rig.environment, "ZEBBRA_OAUTH_DATABASE": database_url})
    with replicas() as starter:
        one, other = starter.start(serving, serving)
        one.pipeline.link("acme")
        other.pipeline.link("globex")
        seen = [replica.pipeline.http.get("/api/workspaces").json() for replica in (one, other)]

    assert [item["workspace_id"] for item in seen[0]["workspaces"]] == ["acme", "globex"]
    assert seen[1] == seen[0]


def test_two_processes_may_upgrade_a_database_at_once(rig: Rig, database_url: str) -> None:
    make_version_1(database_url)
    serving = Serving(
        {
            **rig.environment,
            "ZEBBRA_OAUTH_DATABASE": database_url,
            "ZEBBRA_ENCRYPTION_KEYS": KEY_OF_VERSION_1.get_secret_value(),
        },
        offset_s=(TIME_OF_VERSION_1 - datetime.now(UTC)).total_seconds(),
    )
    with replicas() as starter:
        answers = [replica.pipeline.token() for replica in starter.start(serving, serving)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert {answer.json()["access_token"] for answer in answers} == {"second access"}
    assert {answer.json()["tenant_id"] for answer in answers} == {"tenant-acme"}
