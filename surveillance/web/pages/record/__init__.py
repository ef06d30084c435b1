"""Looking: a patient's page, and the calendar of a site."""
