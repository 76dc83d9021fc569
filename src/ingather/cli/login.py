"""`ingather login`."""


def login() -> None:
    """Log in."""
