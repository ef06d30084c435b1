"""All pages of administration."""

from surveillance.web.pages import admin, admin_audit, admin_feeds, admin_places, admin_tokens, admin_users

PAGES = tuple(each.pages for each in (admin, admin_places, admin_users, admin_feeds, admin_tokens, admin_audit))
