"""An emulator of Xero: its OAuth, connections and reports over made-up books."""

from integrations.xero.sandbox.app import build_sandbox

__all__ = ["build_sandbox"]
