"""A service key that can be guessed is refused when the service starts, and is never printed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.oauth_rig import Pipeline, free_port, toy_environment
from support.service_process import service_process

from integrations.contracts import ConfigurationError
from integrations.runtime.settings import SHORTEST_SERVICE_KEY, load_settings

SHORT = "sh0rt-key-of-31-characters-only"


def refused_start(environment: dict[str, str], folder: Path) -> tuple[int, str]:
    ended = subprocess.run(
        [sys.executable, "-m", "oauth_service"],
        env={**os.environ, **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_service_does_not_start_with_a_short_key_and_says_how_to_make_one(tmp_path: Path) -> None:
    environment = toy_environment(tmp_path, "https://x.invalid", f"http://127.0.0.1:{free_port()}")
    status, said = refused_start(environment | {"ZEBBRA_SERVICE_KEY": SHORT}, tmp_path)
    problem, _, command = said.strip().partition("; make a key with: ")
    made = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    key = made.stdout.strip()

    assert status == 2
    assert problem == "ZEBBRA_SERVICE_KEY: expected at least 32 characters, found 31"
    assert SHORT not in said
    with service_process(environment | {"ZEBBRA_SERVICE_KEY": key}, tmp_path) as service:
        pipeline = Pipeline(service.url, key)
        answer = pipeline.http.get("/api/workspaces")
        pipeline.http.close()
    assert answer.status_code == 200
    assert key.encode() not in service.printed()


def test_short_key_in_the_key_file_is_refused_by_the_name_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "service.key"
    file.write_text(f"{SHORT}\n")
    file.chmod(0o600)
    environment = toy_environment(tmp_path, "https://x.invalid", f"http://127.0.0.1:{free_port()}")
    status, said = refused_start(environment | {"ZEBBRA_SERVICE_KEY": ""}, tmp_path)

    assert status == 2
    assert said.startswith(f"{file}: the service key in it: expected at least 32 characters, found")
    assert SHORT not in said


@pytest.mark.parametrize("length", [1, 31])
def test_shorter_keys_are_refused(tmp_path: Path, length: int) -> None:
    settings = load_settings({"ZEBBRA_HOME": str(tmp_path), "ZEBBRA_SERVICE_KEY": "k" * length})

    with pytest.raises(ConfigurationError, match=rf"^ZEBBRA_SERVICE_KEY: .* found {length};"):
        settings.service_key()


def test_key_of_32_characters_and_the_generated_one_are_taken(tmp_path: Path) -> None:
    given = load_settings({"ZEBBRA_HOME": str(tmp_path), "ZEBBRA_SERVICE_KEY": "k" * 32})
    generated = load_settings({"ZEBBRA_HOME": str(tmp_path)}).service_key().get_secret_value()

    assert given.service_key().get_secret_value() == "k" * 32
    assert len(generated) >= SHORTEST_SERVICE_KEY == 32
