"""Names of the checks that each workspace of each asset is held to."""

FRESH, COMPLETE, PROVEN, CONNECTION = "fresh", "complete", "proven", "connection"
