"""An emulator of QuickBooks Online: its OAuth, company data and reports over invented books."""

from integrations.quickbooks.sandbox.app import build_sandbox

__all__ = ["build_sandbox"]
