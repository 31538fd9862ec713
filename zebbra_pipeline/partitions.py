"""Workspaces are the partitions; months are data."""

import dagster as dg

WORKSPACES = dg.DynamicPartitionsDefinition(name="workspace")
"""One definition for all assets: a run may hold assets of several integrations."""
