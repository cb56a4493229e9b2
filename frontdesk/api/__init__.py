"""REST beside the socket."""
