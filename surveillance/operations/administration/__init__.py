"""Sites, their places and closed days, and the day they go live."""
