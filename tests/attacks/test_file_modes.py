"""What is in a home is for its user alone, whichever process made it and however open it was before."""

import os
import stat
import subprocess
import sys
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from support.stack import running_stack

from integrations.runtime.private_home import exposed, make_private
from zebbra_pipeline.cli.processes import children
from zebbra_pipeline.orchestration.dagster_home import open_instance

OPEN_UMASK = 0o022


@contextmanager
def usual_umask():
    before = os.umask(OPEN_UMASK)
    try:
        yield
    finally:
        os.umask(before)


def modes_below(home: Path) -> dict[str, str]:
    """Return what others may use, by path."""
    return {
        str(path.relative_to(home)): f"{stat.S_IMODE(mode):04o}" for path, mode in exposed(home)
    }


def opened_up(home: Path) -> None:
    """Give all of it the modes that a release before this one left."""
    for path in (home, *home.rglob("*")):
        if path.name.endswith(".keys") or path.name == "service.key":
            continue
        path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.fixture
def stack(tmp_path):
    with usual_umask(), running_stack(tmp_path / "home", today=date(2025, 2, 28)) as running:
        running.connect("acme", xero="Acme Trading Inc")
        yield running


def test_refresh_and_publish_leave_nothing_that_others_may_use(stack):
    (stack.home / "models" / "acme").mkdir(parents=True)
    assert stack.zebbra("refresh", "acme").returncode == 0
    assert stack.zebbra("publish").returncode == 0

    assert modes_below(stack.home) == {}
    made = {path.name for path in stack.home.rglob("*")}
    assert {"dagster.yaml", "index.db", "published.duckdb", "oauth.sqlite"} <= made


def test_open_home_is_closed_by_the_next_refresh_and_doctor_names_it_before(stack):
    assert stack.zebbra("refresh", "acme").returncode == 0
    opened_up(stack.home)
    doctor = stack.zebbra("doctor")
    assert stack.zebbra("refresh", "acme").returncode == 0
    after = stack.zebbra("doctor")

    assert "others may use" in doctor.stdout
    assert "(0755)" in doctor.stdout
    assert "chmod -R go-rwx" in doctor.stdout
    assert modes_below(stack.home) == {}
    assert "others may use" not in after.stdout


def test_service_makes_and_closes_its_home_and_starts_without_one(tmp_path):
    for name, existing in (("fresh", False), ("open", True)):
        home = tmp_path / name
        if existing:
            (home / "logs").mkdir(parents=True)
            (home / "logs" / "oauth.log").touch()
            opened_up(home)
        with usual_umask():
            done = subprocess.run(
                [sys.executable, "-m", "oauth_service", "--port", "1", "--host", "192.0.2.1"],
                env={**os.environ, "ZEBBRA_HOME": str(home)},
                capture_output=True,
                check=False,
            )
        assert done.returncode != 0  # nothing can listen there
        assert modes_below(home) == {}
        assert {"encryption.keys", "oauth.sqlite", "service.key"} <= {
            path.name for path in home.iterdir()
        }


@pytest.mark.process
def test_processes_that_we_start_write_for_their_user_alone(tmp_path):
    code = "import os, sys; os.chdir(sys.argv[1]); open('written', 'w'); os.mkdir('made')"
    with usual_umask(), children(tmp_path / "home" / "logs") as group:
        group.start("writer", ["-c", code, str(tmp_path / "home")], os.environ)
        group._running["writer"].wait(30)

    assert modes_below(tmp_path / "home") == {}
    assert {path.name for path in (tmp_path / "home").iterdir()} == {"logs", "made", "written"}
    assert (tmp_path / "home" / "logs" / "writer.log").exists()


def test_dagster_home_is_private_also_without_our_umask(tmp_path):
    with usual_umask(), open_instance(tmp_path / "home" / "dagster"):
        pass

    assert modes_below(tmp_path / "home") == {}


def test_links_and_shared_folders_are_left_alone(tmp_path):
    outside = tmp_path / "outside"
    outside.touch(0o644)
    outside.chmod(0o644)
    home = tmp_path / "home"
    home.mkdir()
    (home / "link").symlink_to(outside)
    make_private(home)
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644

    for shared in ("all", "project"):
        folder = tmp_path / shared
        folder.mkdir()
        (folder / "foreign").touch()
        (folder / "foreign").chmod(0o644)
        folder.chmod(0o1777 if shared == "all" else 0o755)
    (tmp_path / "project" / "pyproject.toml").touch()
    for shared, mode in (("all", 0o1777), ("project", 0o755)):
        make_private(tmp_path / shared)
        assert stat.S_IMODE((tmp_path / shared).stat().st_mode) == mode
        assert stat.S_IMODE((tmp_path / shared / "foreign").stat().st_mode) == 0o644
