"""All pages in the order in which a request looks for its own: named addresses come before those with ids."""

from surveillance.web.pages.accounts import account, sign_in, single_sign_on, tokens, users
from surveillance.web.pages.administration import places, sites
from surveillance.web.pages.audit import log
from surveillance.web.pages.board import acts, worklist
from surveillance.web.pages.calendars import feeds, page_addresses, patient_feeds
from surveillance.web.pages.care import conditions, decisions, enrolment, plan, terms
from surveillance.web.pages.imports import imports
from surveillance.web.pages.messages import letters, messages
from surveillance.web.pages.patient_page import calendar, page
from surveillance.web.pages.protocols import protocols, sources
from surveillance.web.pages.record import patient, site_calendar
from surveillance.web.pages.registry import consent, contacts, identity, search
from surveillance.web.pages.replies import reply, writing
from surveillance.web.pages.reports import reports
from surveillance.web.pages.visits import booking, changes, confirming, studies, study, visit, visit_flags
from surveillance.web.pages.wording import languages, site_wording, texts

PAGES = (
    sign_in.pages,
    single_sign_on.pages,
    account.pages,
    worklist.pages,
    acts.pages,
    search.pages,
    imports.pages,
    enrolment.pages,
    identity.pages,
    contacts.pages,
    consent.pages,
    patient.pages,
    plan.pages,
    terms.pages,
    decisions.pages,
    conditions.pages,
    studies.pages,
    study.pages,
    reply.pages,
    patient_feeds.pages,
    page_addresses.pages,
    writing.pages,
    booking.pages,
    visit.pages,
    changes.pages,
    confirming.pages,
    visit_flags.pages,
    site_calendar.pages,
    sites.pages,
    places.pages,
    users.pages,
    feeds.pages,
    tokens.pages,
    log.pages,
    texts.pages,
    site_wording.pages,
    languages.pages,
    letters.pages,
    messages.pages,
    reports.pages,
    sources.pages,
    protocols.pages,
    page.pages,
    calendar.pages,
)
