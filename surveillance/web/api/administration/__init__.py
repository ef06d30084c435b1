"""Sites, their places and staff."""
