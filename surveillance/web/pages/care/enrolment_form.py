"""An enrolment that is being filled in: what its form can choose from, and what it has to say so far."""

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from markupsafe import Markup

from surveillance.core import plain
from surveillance.core.drawings import timeline, timeline_sheet
from surveillance.core.errors import InvalidInputError
from surveillance.core.protocols import interval_words
from surveillance.core.protocols.clocks import CLOCKS, HINTS, Clock
from surveillance.core.protocols.protocol import ItemKind, Protocol
from surveillance.core.schedule.departures import of_terms
from surveillance.core.schedule.examinations import FindingKind
from surveillance.core.words import ContactKind, Role, Status
from surveillance.operations.planning import plan_record, previewing
from surveillance.operations.planning.previewing import Outlook
from surveillance.operations.registry import duplicates
from surveillance.operations.registry.duplicates import Entered, Likely
from surveillance.operations.registry.phones import read_phone
from surveillance.store.tables import Patient, Site, User
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.care import plan_fields
from surveillance.web.pages.registry import person_fields
from surveillance.web.render import day, markup


@dataclass
class Enrolling:
    """The form of an enrolment at a site; ``patient`` where somebody is registered already."""

    context: PageContext
    form: Form
    site: Site
    patient: Patient | None = None
    opened: str = ""  # the row that was just added: its first field takes the focus

    @cached_property
    def today(self) -> date:
        return self.context.today(self.site)

    @cached_property
    def protocols(self) -> list[Protocol]:
        return previewing.approved(self.context.work, self.site)

    @cached_property
    def clinicians(self) -> list[User]:
        return previewing.staff(self.context.work, self.site, Role.CLINICIAN)

    @cached_property
    def owners(self) -> list[User]:
        return previewing.staff(self.context.work, self.site, Role.COORDINATOR, Role.CLINICIAN)

    @property
    def site_choices(self) -> list[tuple[str, str]]:
        return [(site.code, site.name) for site in self.context.sites]

    @property
    def protocol_choices(self) -> list[tuple[str, str]]:
        return [(one.key, f"{one.title} ({one.version})") for one in self.protocols]

    @property
    def owner_choices(self) -> list[tuple[str, str]]:
        return [(str(user.id), user.name) for user in self.owners]

    @property
    def scan_choices(self) -> list[tuple[str, str, str]]:
        """What may have been examined: all that the protocol knows, but no visit in clinic."""
        items = self.protocol.scheduled if self.protocol else ()
        return [(item.code, item.title, "") for item in items if item.what is not ItemKind.VISIT]

    @property
    def address(self) -> str:
        return f"/patients/{self.patient.id}/enrol" if self.patient else "/patients/new"

    @property
    def protocol(self) -> Protocol | None:
        return plan_fields.protocol(self.form, self.protocols)

    @property
    def _clock(self) -> Clock:
        return self.protocol.clock if self.protocol else Clock.END_OF_TREATMENT

    @property
    def counts_from(self) -> str:
        """What the anchor is: the label of its field."""
        return CLOCKS[self._clock]

    @property
    def clock_hint(self) -> str:
        return HINTS[self._clock]

    @property
    def contacts(self) -> list[str]:
        return plan_fields.rows(self.form, "contacts")

    @property
    def scans(self) -> list[str]:
        return plan_fields.rows(self.form, "scans")

    @property
    def born(self) -> date | None:
        """The birth date as far as it can be read, without a word about it."""
        return self.patient.birth_date if self.patient else person_fields.birth_date(self.form.but(), self.today)

    def said(self, row: str) -> person_fields.Said:
        return person_fields.said(self.form, f"contact-{row}-", self.context.work, self.site)

    @property
    def minor(self) -> str:
        """Words where a child is to be written to and no grown-up is named."""
        kinds = {self.form.value(f"contact-{row}-kind") for row in self.contacts}
        age = plain.age(self.born, self.today) if self.born else None
        if age is None or age >= self.site.age_of_majority or kinds - {"", ContactKind.SELF}:
            return ""
        return f"The patient is {age} years old: is there a parent or carer to write to?"

    def likely(self) -> list[Likely]:
        """Who may be here already, at any site of the user's; a look at them is a look at their data."""
        form, country = self.form, self.site.country
        phones = [read_phone(form.value(f"contact-{row}-phone"), country).e164 for row in self.contacts]
        entered = Entered(
            form.value("mrn"),
            form.value("given_name"),
            form.value("family_name"),
            self.born,
            list(filter(None, phones)),
        )
        found = duplicates.likely(self.context.work, [site.id for site in self.context.all_sites], entered)
        self.context.looked(*(one.patient for one in found), action="patient.find")
        return found


@dataclass(frozen=True, slots=True)
class Drawn:
    """The schedule that the form would give, or what is missing to draw it."""

    missing: list[str] = field(default_factory=list)
    outlook: Outlook | None = None
    drawing: Markup | None = None
    table: list[timeline.TableRow] = field(default_factory=list)
    trips: str = ""
    due: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)  # what the patient is to be told
    departs: list[str] = field(default_factory=list)  # where it departs from the protocol's own schedule


def drawn(enrolling: Enrolling) -> Drawn:
    """The schedule as far as the form is filled in."""
    form = enrolling.form.but()
    made = plan_fields.draft(form, enrolling.protocols, enrolling.born, enrolling.today)
    if made is None or form.errors:
        return Drawn(missing=list(form.errors.values()))
    try:
        found = previewing.outlook(enrolling.context.work, enrolling.site, made, enrolling.patient)
    except InvalidInputError as error:
        return Drawn(missing=[str(error)])
    return Drawn(
        outlook=found,
        drawing=markup(timeline_sheet.render_strip(found.timeline, "schedule")),
        table=timeline.table(found.timeline),
        trips=plan_record.spelled_years(found.years),
        due=[f"{found.title(row.item)}, month {row.month}" for row in found.now(Status.DUE, Status.OVERDUE)],
        unknown=[found.title(finding.item) for finding in found.found(FindingKind.LAST_SCAN_UNKNOWN)],
        advice=interval_words.advised(made.protocol, made.intervals),
        departs=[each.said for each in of_terms(made.protocol, made.anchor, made.intervals)],
        early=[
            f"{found.title(finding.item)} of {day(finding.since)}" for finding in found.found(FindingKind.STUDY_EARLY)
        ],
    )
