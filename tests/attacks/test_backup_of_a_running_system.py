"""Backups while a writer lands without pause and tokens rotate: each is one state of each part."""

from contextlib import closing
from itertools import count
from pathlib import Path
from threading import Event, Thread

from pydantic import SecretStr
from support.backups import another_service, environment
from support.oauth_rig import Rig, running_rig, wait_until
from support.warehouse import stored
from support.warehouse_processes import LAND, go_on, process

from integrations.contracts import token_fingerprint
from integrations.runtime.settings import load_settings
from oauth_service.store import Store
from zebbra_pipeline.backup.making import back_up
from zebbra_pipeline.backup.manifest import verified
from zebbra_pipeline.backup.restoring import restore

BACKUPS = 4


def rotate_until(ended: Event, rig: Rig) -> None:
    """Let the tokens be refreshed again and again."""
    for _ in count():
        if ended.is_set():
            return
        token = SecretStr(rig.pipeline.token().json()["access_token"])
        rig.pipeline.token(rejected=token_fingerprint(token))


def figures_of(path: Path) -> tuple[int, int]:
    """Return the figure that landed last, and how many changes before it are known."""
    ((value,),) = stored(path, "SELECT value FROM data_points WHERE workspace_id = 'busy'")
    ((changes,),) = stored(path, "SELECT count(*) FROM restatements WHERE workspace_id = 'busy'")
    return int(value), int(changes)


def test_each_backup_is_a_state_that_was(tmp_path):
    home, ended = tmp_path / "home", Event()
    with running_rig(home) as rig, environment(rig.environment):
        rig.connect("acme")
        settings = load_settings()
        rotating = Thread(target=rotate_until, args=(ended, rig))
        with process(LAND, home, "busy", 100_000) as writer:
            go_on(writer)
            wait_until((home / "warehouse.duckdb").exists)
            rotating.start()
            try:
                for number in range(BACKUPS):
                    back_up(settings, tmp_path / f"backup{number}")
                assert writer.poll() is None
            finally:
                ended.set()
                rotating.join()

        seen = []
        for number in range(BACKUPS):
            manifest = verified(tmp_path / f"backup{number}")
            elsewhere = tmp_path / f"restored{number}"
            with environment({"ZEBBRA_HOME": elsewhere}):
                there = load_settings()
                done = restore(there, tmp_path / f"backup{number}")
                with closing(Store(there.oauth_database, there.encryption_keys())) as store:
                    (connection,) = store.connections.unchecked()
                    assert store.connections.tokens(connection).refresh_token is not None
            value, changes = figures_of(elsewhere / "warehouse.duckdb")
            assert value == changes  # each landing after the first has changed the figure by one
            assert figures_of(elsewhere / "published.duckdb") == (value, changes)
            assert manifest.warehouse is not None
            assert manifest.warehouse.rows["busy"]["batches"] == value + 1
            assert done.to_check == 1
            seen.append(value)

        last = f"sqlite:///{tmp_path / f'restored{BACKUPS - 1}' / 'oauth.sqlite'}"
        with another_service(rig, last) as service:  # its token has been spent many times since
            wait_until(lambda: not service.services.store.connections.unchecked())
            row = service.pipeline.connection()
            assert row["state"] == "requires_reconnect"
            assert "restored from a backup older than its last refresh" in row["reason"]

    assert seen == sorted(seen)
    assert seen[0] < seen[-1]
