"""Personal data, written or spoken out."""

from frontdesk.team.guardrails.pii.finder import KINDS, Found, PiiFinder

__all__ = ["KINDS", "Found", "PiiFinder"]
