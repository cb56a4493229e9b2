"""Frontdesk: a self-hosted voice front end for teams of AI agents."""

__version__ = "0.1.0"
