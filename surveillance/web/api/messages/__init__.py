"""Messages, replies and pauses."""
