"""An emulator of Xero: its OAuth, connections and reports over invented books."""

from integrations.xero.sandbox.app import build_sandbox

__all__ = ["build_sandbox"]
