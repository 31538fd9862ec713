"""`zebbra demo`: the whole path on the sandbox providers, nothing short-cut."""
