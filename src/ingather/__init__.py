"""Ingather collects Instagram data you may have, and says how complete it is."""

__version__ = "0.1.0.dev0"
