"""Messages to patients: what goes out and when, what became of it, and holding all of it back."""

from types import MappingProxyType
from typing import Final
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.texts.turns import city, turn
from surveillance.core.words import Channel, ReminderState, Step
from surveillance.operations.accounts import users
from surveillance.operations.dispatch import senders
from surveillance.operations.dispatch.call_scripts import call_note
from surveillance.operations.messages import acts, pace, pauses, search
from surveillance.operations.messages.acts import TaskOutcome
from surveillance.operations.messages.life import REPORTS, as_csv, life
from surveillance.operations.messages.lists import Which
from surveillance.operations.messages.search import Search
from surveillance.operations.messages.state import senders as all_senders
from surveillance.operations.registry.phones import readable
from surveillance.store.tables import Patient, Reminder, Site
from surveillance.web.access import Permission
from surveillance.web.forms import LONGEST_TEXT, Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.routing import Pages
from surveillance.web.words import ATTEMPT, CHANNEL, CONTACT, MESSAGE, PRIVACY, STEP, language_name

pages = Pages(prefix="/messages")

LISTED: Final = 50
EVERYWHERE: Final = "all"
LISTS: Final = MappingProxyType(
    {
        Which.UPCOMING: "Going out",
        Which.SENT: "Sent",
        Which.FAILED: "Not sent or not delivered",
        Which.DOUBT: "In doubt",
        Which.TASKS: "For a person to tell",
    }
)
OUTCOMES: Final = MappingProxyType(
    {
        TaskOutcome.TOLD: ("The patient was told", "By telephone, letter or in person. It counts as said from now on."),
        TaskOutcome.RECEIVED: ("The message had arrived", "The patient says so: nothing more is needed."),
        TaskOutcome.NOT_REACHED: ("Nobody was reached", "It is closed as not delivered."),
        TaskOutcome.NOT_NEEDED: ("There is nothing to tell any more", "It is closed as not delivered."),
    }
)
COLOURS: Final = MappingProxyType(
    {
        ReminderState.PLANNED: "blue",
        ReminderState.CLAIMED: "blue",
        ReminderState.SENT: "aqua-green",
        ReminderState.DELIVERED: "green",
        ReminderState.VOIDED: "grey",
        ReminderState.DROPPED: "grey",
        ReminderState.FAILED: "red",
        ReminderState.IN_DOUBT: "orange",
        ReminderState.TASK: "yellow",
    }
)
TRANSPORTS: Final = MappingProxyType(
    {
        "twilio": "By Twilio",
        "smtp": "By the mail server",
        "post": "By post",
        "console": "Shown on the console only, nothing left the server",
    }
)
_WORDS: Final = {
    "lists": LISTS, "step": STEP, "channel": CHANNEL, "message": MESSAGE, "attempt": ATTEMPT, "contact": CONTACT,
    "colours": COLOURS, "reports": REPORTS, "transport": TRANSPORTS, "readable": readable, "privacy": PRIVACY,
    "language": language_name, "turn": turn, "city": city,
}  # fmt: skip


@pages.get("", needs=Permission.VIEW)
def listed(context: PageContext, page: int = 1) -> Response:
    """One list of messages, by what the address asks for."""
    form = Form({name: context.request.query_params.getlist(name) for name in context.request.query_params})
    wanted = _wanted(form)
    skip = (max(page, 1) - 1) * LISTED
    lines = search.search(context.work, context.chosen_sites, wanted, skip, LISTED + 1)
    context.looked(*(line.patient for line in lines[:LISTED]))
    return context.page(
        "messages/list.html",
        form=form,
        status=200,
        wanted=wanted,
        lines=lines[:LISTED],
        sites={site.id: site for site in context.sites},
        waiting=search.waiting(context.work, context.site_ids),
        jams=_jams(context) if wanted.which is Which.UPCOMING else [],
        previous=context.address(page=page - 1 if page > 2 else "") if page > 1 else None,
        next=context.address(page=page + 1) if len(lines) > LISTED else None,
        words=_WORDS,
    )


def _jams(context: PageContext) -> list[pace.Jam]:
    senders_ = {channel: transport.sender for channel, transport in context.app.transports.items()}
    return pace.jams(context.work, context.chosen_sites, senders_)


def _wanted(form: Form) -> Search:
    """What the address asks for; what cannot be read is told beside its field and not asked for."""
    return Search(
        which=form.choice("list", "a list", Which, required=False) or Which.UPCOMING,
        text=form.text("patient", "the patient"),
        step=form.choice("step", "what for", Step, required=False),
        channel=form.choice("channel", "how", Channel, required=False),
        day=form.day("day", "the day"),
    )


@pages.get("/sending", needs=Permission.RECORD)
def sending(context: PageContext) -> Response:
    return _sending(context)


def _sending(context: PageContext) -> Response:
    return context.page(
        "messages/sending.html",
        senders=all_senders(context.work),
        pausable=_places(context),
        everywhere=EVERYWHERE,
        own_zone=context.sites[0].time_zone,
        words=_WORDS,
    )


@pages.post("/sending/pause", needs=Permission.RECORD)
def pause(context: PageContext) -> Response:
    form = context.form
    where = form.one_of("where", "where messages are held back", [code for code, _ in _places(context)])
    why = form.text("reason", "a reason", required=True, longest=LONGEST_TEXT)
    if form.ok:
        with form.trying(context.session):
            site = _scope(context, where)
            pauses.pause(context.work, site, why)
    if form.errors:
        return _sending(context)
    return context.done("/messages/sending", f"Nothing is sent for {_name(site)} until somebody resumes it.")


@pages.post("/sending/resume", needs=Permission.RECORD)
def resume(context: PageContext) -> Response:
    form = context.form
    where = form.one_of("where", "where messages go out again", [code for code, _ in _places(context)])
    if form.ok:
        with form.trying(context.session):
            site = _scope(context, where)
            pauses.resume(context.work, site, form.text("reason", "a reason", longest=LONGEST_TEXT))
    if form.errors:
        return _sending(context)
    return context.done("/messages/sending", f"Messages of {_name(site)} go out again.")


@pages.post("/sending/sender", needs=Permission.ADMINISTER)
def start_sender(context: PageContext) -> Response:
    """Somebody mended what had stopped a sender."""
    users.require_administrator(context.work)
    row = senders.start(context.work, context.form.value("sender"))
    return context.done("/messages/sending", f"{row.name} sends again.")


@pages.post("/sending/seen", needs=Permission.ADMINISTER)
def seen(context: PageContext) -> Response:
    """Somebody looked into messages that were refused."""
    users.require_administrator(context.work)
    row = senders.look_into(context.work, context.form.value("sender"))
    return context.done("/messages/sending", f"Noted. The next refusal of {row.name} is news.")


@pages.get("/{message_id}", needs=Permission.VIEW)
def show(context: PageContext, message_id: UUID) -> Response:
    return _show(context, context.row(Reminder, message_id))


@pages.get("/{message_id}/life.csv", needs=Permission.VIEW)
def life_csv(context: PageContext, message_id: UUID) -> Response:
    """The life of one message for a spreadsheet."""
    row = context.row(Reminder, message_id)
    found = life(context.work, row)
    context.looked(found.line.patient, action="message.export")
    headers = {"Content-Disposition": f'attachment; filename="message-{row.id.hex[:8]}.csv"'}
    return Response(as_csv(found, bom=True), media_type="text/csv; charset=utf-8", headers=headers)


@pages.post("/{message_id}/resend", needs=Permission.WORK)
def resend(context: PageContext, message_id: UUID) -> Response:
    row = context.row(Reminder, message_id)
    with context.form.trying(context.session):
        acts.resend(context.work, row)
    if context.form.errors:
        return _show(context, row)
    return context.done(
        context.back(f"/messages/{row.id}"), "It is planned again and decided afresh before it goes out."
    )


@pages.post("/{message_id}/settle", needs=Permission.WORK)
def settle(context: PageContext, message_id: UUID) -> Response:
    """A person told it, or found out what became of it."""
    row, form = context.row(Reminder, message_id), context.form
    outcome = form.choice("outcome", "what became of it", TaskOutcome)
    note = form.text("note", "the note", longest=LONGEST_TEXT)
    if outcome is not None and form.ok:
        with form.trying(context.session, "outcome"):
            acts.done(context.work, row, outcome, note)
    if form.errors:
        return _show(context, row)
    return context.done(context.back(f"/messages/{row.id}"), "The message is settled.")


# -- what the pages share ----------------------------------------------------------------------------------------


def _show(context: PageContext, row: Reminder) -> Response:
    patient = context.session.get_one(Patient, row.patient_id)
    context.looked(patient)
    outcomes = [
        (outcome, words, more)
        for outcome, (words, more) in OUTCOMES.items()
        if outcome is not TaskOutcome.RECEIVED or row.sent_at is not None
    ]
    return context.page(
        "messages/message.html",
        life=life(context.work, row),
        row=row,
        patient=patient,
        site=context.work.site(row.site_id),
        outcomes=outcomes,
        settled=settled(row),
        call=call_note(context.work, row, patient) if _is_told_by_voice(row) else None,
        words=_WORDS,
    )


def _is_told_by_voice(row: Reminder) -> bool:
    return row.state is ReminderState.TASK and row.channel is not Channel.LETTER


def settled(row: Reminder) -> str:
    """What a person said became of a task, in words: it is kept as the outcome, a colon and a note."""
    outcome, _, note = row.resolution.partition(":")
    known = next((words for each, (words, _) in OUTCOMES.items() if each == outcome), outcome)
    return f"{known}: {note.strip()}" if note.strip() else known


def _places(context: PageContext) -> list[tuple[str, str]]:
    """Where a user may hold messages back: an administrator everywhere."""
    own = [(site.code, site.name) for site in context.sites]
    return [*own, (EVERYWHERE, "All clinics")] if context.may(Permission.ADMINISTER) else own


def _scope(context: PageContext, where: str) -> Site | None:
    if where != EVERYWHERE:
        return context.site(where)
    users.require_administrator(context.work)
    return None


def _name(site: Site | None) -> str:
    return site.name if site else "all clinics"
