"""The service's routes, by who uses them."""
