"""The pages about visits: booking them, one visit, and the calendar of a site."""

from surveillance.web.pages import booking, calendar, visit_changes, visit_confirming, visits

PAGES = (booking.pages, visits.pages, visit_changes.pages, visit_confirming.pages, calendar.pages)
