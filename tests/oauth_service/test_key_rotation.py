"""A new encryption key while the service runs."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from support.oauth_rig import Rig, running_rig, wait_until

from integrations.contracts import ConfigurationError
from integrations.runtime.keyfiles import add_key
from integrations.runtime.settings import load_settings
from oauth_service.keys_command import list_keys, rotate_keys
from oauth_service.security.keyring import Keyring
from oauth_service.store import Store


@pytest.fixture
def with_key_file(tmp_path: Path) -> Iterator[Rig]:
    """A service whose keys are in the file that it has made."""
    with running_rig(tmp_path / "home", overrides={"ZEBBRA_ENCRYPTION_KEYS": ""}) as rig:
        yield rig


def keys_in(rig: Rig) -> list[str]:
    return (rig.settings.home / "encryption.keys").read_text().split()


def listed(rig: Rig) -> list[int]:
    found = json.loads(list_keys(rig.settings, as_json=True))
    assert found["unreadable_connections"] == 0
    return [key["connections"] for key in found["keys"]]


def test_running_service_reads_and_writes_under_the_new_key(with_key_file: Rig) -> None:
    rig = with_key_file
    rig.connect()
    before = rig.pipeline.token().json()
    link = rig.pipeline.link()
    (old,) = keys_in(rig)
    sentence = rotate_keys(rig.settings)
    file = rig.settings.home / "encryption.keys"

    assert keys_in(rig)[1:] == [old]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "(2 keys); newly encrypted under it: the tokens of 1 connection" in sentence
    assert not any(key in sentence for key in keys_in(rig))
    assert listed(rig) == [1, 0]
    assert rig.pipeline.token().json() == before
    assert "Connect Acme Ltd" in rig.person.open(link).text

    rig.expire()
    assert rig.pipeline.token().json() != before
    rig.connect("globex")
    assert listed(rig) == [2, 0]


def test_tokens_and_links_under_an_old_key_stay_readable(with_key_file: Rig) -> None:
    rig = with_key_file
    rig.connect()
    before = rig.pipeline.token().json()
    add_key(rig.settings.home / "encryption.keys", Fernet.generate_key().decode())

    assert listed(rig) == [0, 1]
    assert rig.pipeline.token().json() == before


def test_command_rotates_and_lists_without_showing_a_key(with_key_file: Rig) -> None:
    rig = with_key_file
    rig.connect()
    environ = {**os.environ, **rig.environment, "PYTHONDONTWRITEBYTECODE": ""}
    outputs = [
        subprocess.run(
            [sys.executable, "-m", "zebbra_pipeline", "keys", *command.split()],
            env=environ,
            cwd=rig.settings.home,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for command in ("rotate", "list", "list --json")
    ]

    assert outputs[0].startswith("added key ")
    assert outputs[1].splitlines()[0].endswith("1 connection, newest")
    assert [key["connections"] for key in json.loads(outputs[2])["keys"]] == [1, 0]
    assert not any(key in output for key in keys_in(rig) for output in outputs)
    assert rig.pipeline.token().status_code == 200


def test_keys_of_a_setting_are_refused_in_one_sentence(rig: Rig) -> None:
    with pytest.raises(ConfigurationError, match="ZEBBRA_ENCRYPTION_KEYS is set") as caught:
        rotate_keys(rig.settings)

    assert "\n" not in str(caught.value)


def test_no_key_is_added_without_the_store(tmp_path: Path) -> None:
    environ = {"ZEBBRA_HOME": str(tmp_path), "ZEBBRA_OAUTH_DATABASE": "sqlite:////proc/x/o.sqlite"}
    settings = load_settings(environ)

    with pytest.raises(ConfigurationError, match="ZEBBRA_OAUTH_DATABASE"):
        rotate_keys(settings)
    assert len((tmp_path / "encryption.keys").read_text().split()) == 1


def test_rotating_at_once_loses_no_key(tmp_path: Path) -> None:
    settings = load_settings({"ZEBBRA_HOME": str(tmp_path)})
    Store(settings.oauth_database, Keyring(settings)).close()
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: rotate_keys(settings), range(6)))
    keys = (tmp_path / "encryption.keys").read_text().split()

    assert len(set(keys)) == len(keys) == 7


def test_keys_that_cannot_be_read_any_more_stay_as_they_were(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ring = Keyring(load_settings({"ZEBBRA_HOME": str(tmp_path)}))
    before = ring()
    (tmp_path / "encryption.keys").chmod(0o644)

    assert ring() is before
    assert ring() is before
    assert len(caplog.records) == 1
    assert "mode 0644" in caplog.text


def test_lost_key_is_told_at_the_start_and_put_back_it_reads_everything(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home, from_file = tmp_path / "home", {"ZEBBRA_ENCRYPTION_KEYS": ""}
    with running_rig(home, overrides=from_file) as rig:
        rig.connect()
        before = rig.pipeline.token().json()
        (lost,) = keys_in(rig)
    (home / "encryption.keys").unlink()
    caplog.clear()
    with running_rig(home, overrides=from_file) as rig:
        wait_until(lambda: "upkeep" in caplog.text or "no key of" in caplog.text)
        unreadable = rig.pipeline.token()
        file = home / "encryption.keys"
        file.write_text(f"{file.read_text()}{lost}\n")

        assert (unreadable.status_code, unreadable.json()["code"]) == (500, "configuration")
        assert rig.pipeline.token().json() == before

    assert (
        "ZEBBRA_ENCRYPTION_KEYS reads the tokens of 1 connections; put back the key" in caplog.text
    )
