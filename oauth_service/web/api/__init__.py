"""The API for programs that hold the service key."""
