"""Pages for people. A room a theme; ``routing`` opens and closes a request, ``order`` lists all pages."""
