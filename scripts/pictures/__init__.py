"""Pictures of Dagster's UI for the README, taken by clicking: `make screenshots`."""
