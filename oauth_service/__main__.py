"""Runs the OAuth service, `python -m oauth_service`, and tends its encryption keys."""

import argparse
import gc
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI

from integrations.contracts import ConfigurationError
from integrations.runtime.private_home import UMASK, make_private
from integrations.runtime.registry import load_registry
from integrations.runtime.settings import LOG_FORMATS, Settings, load_settings
from oauth_service import backup_command
from oauth_service.app import create_app
from oauth_service.keys_command import list_keys, rotate_keys
from oauth_service.ops.logs import configure
from oauth_service.serving.server import Server

_SHUTDOWN_S = 40
"""Longer than a slow provider: an answer on its way holds the only valid refresh token."""
_PORTS = {"http": 80, "https": 8765}


def address(settings: Settings) -> tuple[str, int]:
    """
    Return the host and port to listen on.

    Those of `ZEBBRA_OAUTH_URL`; behind https a proxy is listening there, so that the service
    itself listens on 127.0.0.1:8765.
    """
    parts = urlsplit(settings.oauth_url)
    if parts.scheme == "https":
        return "127.0.0.1", _PORTS["https"]
    return parts.hostname or "localhost", parts.port or _PORTS["http"]


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop, or do the command that is named."""
    parser = argparse.ArgumentParser(
        prog="python -m oauth_service",
        description="Serve the connect pages and the token API.",
        epilog="example: python -m oauth_service --host 0.0.0.0 --port 8765",
    )
    parser.add_argument("--host", help="instead of the host of ZEBBRA_OAUTH_URL")
    parser.add_argument("--port", type=int, help="instead of the port of ZEBBRA_OAUTH_URL")
    parser.add_argument(
        "--log-format", choices=LOG_FORMATS, help="instead of ZEBBRA_OAUTH_LOG_FORMAT"
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    commands.add_parser("rotate-keys", help="add a newest encryption key, use it for all tokens")
    listing = commands.add_parser("list-keys", help="show which key encrypts how many connections")
    listing.add_argument("--json", action="store_true", help="print JSON")
    _add_backup_commands(commands)
    options = parser.parse_args(arguments)
    os.umask(UMASK)
    try:
        settings = load_settings()
        configure(options.log_format or settings.oauth_log_format)
        if options.command is not None:
            print(_done(settings, options))  # noqa: T201 -- the command's output
            return 0
        make_private(settings.home)
        app = create_app(settings, load_registry())
        server = _server(app, settings, options)
    except (ConfigurationError, OSError) as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    # uvicorn raises the signal again once everything has ended: that is a success here.
    signal.signal(signal.SIGTERM, _end)
    gc.collect()
    gc.freeze()  # what has been made so far stays; looking through it again makes requests wait
    try:
        server.run()
    except KeyboardInterrupt:
        return 0
    return 0 if server.started else 1


def _server(app: FastAPI, settings: Settings, options: argparse.Namespace) -> Server:
    host, port = address(settings)
    config = uvicorn.Config(
        app,
        host=options.host or host,
        port=options.port or port,
        access_log=False,  # it would show links, codes and states; `RequestLog` shows paths
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_S,
    )
    return Server(config, app.state.services)


def _add_backup_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    saving = commands.add_parser("backup-store", help="copy the token store; used by zebbra backup")
    saving.add_argument("copy", type=Path)
    checking = commands.add_parser("check-restore", help="look at a copy; used by zebbra restore")
    checking.add_argument("--keys", type=Path, help="file of the encryption keys")
    putting = commands.add_parser("restore-store", help="put a copy back; used by zebbra restore")
    for command in (checking, putting):
        command.add_argument("copy", type=Path)
        command.add_argument("--force", action="store_true", help="replace a store that is there")
    commands.add_parser(
        "mark-restored",
        help="say that the database was put back by other means, such as pg_restore",
    )


def _done(settings: Settings, options: argparse.Namespace) -> str:
    """Do the command that is named; return what it prints."""
    now = datetime.now(UTC)
    match options.command:
        case "rotate-keys":
            return rotate_keys(settings)
        case "list-keys":
            return list_keys(settings, as_json=options.json)
        case "backup-store":
            return backup_command.back_up_store(settings, options.copy)
        case "check-restore":
            return backup_command.check_restore(
                settings, options.copy, keys=options.keys, force=options.force
            )
        case "restore-store":
            return backup_command.restore(settings, options.copy, now=now, force=options.force)
        case _:
            return backup_command.mark(settings, now=now)


def _end(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
