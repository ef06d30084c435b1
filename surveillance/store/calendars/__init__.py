"""Calendar feeds and the visits they hold."""
