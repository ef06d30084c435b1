"""All pages of one patient, for the application to include."""

from surveillance.web.pages import (
    page_links,
    patient,
    patient_decisions,
    patient_plan,
    patient_studies,
    patient_talk,
    patient_terms,
    writing,
)

PAGES = (
    patient.pages,
    patient_plan.pages,
    patient_terms.pages,
    patient_decisions.pages,
    patient_studies.pages,
    patient_talk.pages,
    page_links.pages,
    writing.pages,
)
