"""Codes with which a call closes its connections."""

TRY_AGAIN = 1013
"""Close code "try again later" (RFC 6455 registry)."""

MOVED = 1012
"""Close code "service restart" (RFC 6455 registry), on which clients connect again."""

TAKEN_OVER = 4001
"""Close code for a connection whose call went on elsewhere: a private one, on which no client
reconnects by itself, as the two would chase each other."""
