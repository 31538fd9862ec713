"""uvicorn as this service runs it: limits of connections and requests, and an orderly end."""
