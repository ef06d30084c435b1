"""The pages on which somebody is entered and corrected; ``/patients/new`` stands before the patients' own addresses."""

from surveillance.web.pages import consent, contacts, enrol, identity

PAGES = (enrol.pages, identity.pages, contacts.pages, consent.pages)
