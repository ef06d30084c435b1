"""Sites, their places and closed days."""
