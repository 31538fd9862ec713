"""Asset checks: what the landed figures are expected to be. They make no provider call."""
