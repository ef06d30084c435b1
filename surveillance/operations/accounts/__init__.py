"""Who of the staff may come in: users, sessions, second factors, tokens, the hospital's sign-in."""
