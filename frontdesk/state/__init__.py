"""Session state in Redis: a log a call, written under a fenced lease; state is its fold."""
