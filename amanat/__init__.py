"""Amanat: a self-hosted CRM for small businesses whose privacy policy is executable."""

__version__ = "0.1.0"
