"""``surveillance site``: clinics, their places, and the protocols they approved."""

from dataclasses import replace
from datetime import date, time
from typing import Annotated, Any

import typer

from surveillance.cli import show
from surveillance.cli.context import Answer, Job, confirming, reading, writing
from surveillance.cli.options import Code, Why, clock, iso_day
from surveillance.core.words import Privacy
from surveillance.operations.accounts import users
from surveillance.operations.administration import going_live, sites
from surveillance.operations.administration import places as administration_places
from surveillance.operations.protocols import approvals, reviews
from surveillance.operations.registry import consents
from surveillance.operations.registry import sites as registry_sites
from surveillance.store.audit.events import picture
from surveillance.store.tables import Site

ReportDays = Annotated[int, typer.Option(min=1, max=90, help="So many days a report may take.")]
ReviewDays = Annotated[int, typer.Option(min=1, max=90, help="So many days its review may take.")]
ToldDays = Annotated[int, typer.Option(min=1, max=90, help="So many days telling the patient may take.")]

app = typer.Typer(help="Sites: add them, approve protocols, add places, go live.", no_args_is_help=True)


@app.command("add")
@writing
def add_site(
    job: Job,
    code: Code,
    name: Annotated[str, typer.Option(help="The clinic's full name, for staff.")],
    short_name: Annotated[str, typer.Option(help="What an SMS calls the clinic; it must not reveal oncology.")],
    zone: Annotated[str, typer.Option(help="IANA time zone, such as Europe/London.")],
    country: Annotated[str, typer.Option(help="ISO 3166 code; reads phone numbers and gives the holidays.")],
    phone: Annotated[str, typer.Option(help="The number that patients call.")],
    language: Annotated[list[str] | None, typer.Option(help="Languages of messages, first one first.")] = None,
    holidays: Annotated[str | None, typer.Option(help="Holiday calendar, such as DE-BY; '' for none.")] = None,
    working_days: Annotated[str, typer.Option(help="ISO weekdays: 1 is Monday.")] = "12345",
    privacy: Annotated[Privacy, typer.Option(help="How much messages and calendars may tell.")] = Privacy.NEUTRAL,
    first_names: Annotated[bool, typer.Option(help="May a message to a shared number carry a first name?")] = False,
    send_from: Annotated[time, typer.Option(parser=clock, metavar="HH:MM", help="No message earlier.")] = time(9),
    send_until: Annotated[time, typer.Option(parser=clock, metavar="HH:MM", help="None later.")] = time(20),
    report_days: ReportDays = 7,
    review_days: ReviewDays = 7,
    told_days: ToldDays = 7,
) -> Answer:
    """Add a clinic; whoever adds it administers it.

    Example: surveillance site add LDN1 --name "Sarcoma unit" --short-name "City Clinic" --zone Europe/London
    --country GB --phone "020 7946 0000" --as anna
    """
    users.require_administrator(job.work)
    new = sites.NewSite(
        code=code.strip(),
        name=name,
        short_name=short_name,
        time_zone=zone,
        country=country.upper(),
        phone=phone,
        holidays=holidays,
        languages=language or ["en"],
        working_days=working_days,
        privacy=privacy,
        first_names=first_names,
        send_from=send_from,
        send_until=send_until,
        report_days=report_days,
        review_days=review_days,
        told_days=told_days,
    )
    site = sites.add_site(job.work, new)
    users.administer(job.work, site)
    return Answer(
        [f"Added site {site.code}. Next: 'site place-add', 'user add', 'site approve-protocol'."], _data(site)
    )


@app.command()
@writing
def limits(
    job: Job,
    code: Code,
    report_days: Annotated[int | None, typer.Option(min=1, max=90, help="So many days a report may take.")] = None,
    review_days: Annotated[int | None, typer.Option(min=1, max=90, help="So many days its review may take.")] = None,
    told_days: Annotated[int | None, typer.Option(min=1, max=90, help="So many days telling may take.")] = None,
    reason: Why = "",
) -> Answer:
    """Set how many days a report, its review and telling the patient may take; the board says what is past them.

    Example: surveillance site limits LDN1 --report-days 10 --told-days 5 --as anna
    """
    site = registry_sites.site_by_code(job.work, code)
    given: dict[str, Any] = {"report_days": report_days, "review_days": review_days, "told_days": told_days}
    values = {name: days for name, days in given.items() if days is not None}
    new = replace(sites.settings_of(site), **values)
    sites.edit_site(job.work, site, new, reason)
    said = f"At {code}: report in {site.report_days} days, review in {site.review_days}, told in {site.told_days}."
    return Answer([said], _data(site))


@app.command("list")
@reading
def list_sites(job: Job) -> Answer:
    """Sites with their places, approved protocols and the day they go live.

    Example: surveillance site list
    """
    found = show.table("", "Site", "Name", "Time zone", "Sends", "Languages", "Live from", "Places", "Protocols")
    data = []
    for site in job.sites():
        places, protocols = (
            [place.name for place in administration_places.places(job.work, site)],
            going_live.approved(job.work, site),
        )
        show.add(
            found,
            site.code,
            site.name,
            site.time_zone,
            f"{site.send_from:%H:%M}–{site.send_until:%H:%M}",
            show.joined(site.languages),
            show.day(site.messages_from) if site.messages_from else "not live",
            show.joined(places),
            show.joined(protocols),
        )
        data.append(_data(site) | {"places": places, "protocols": protocols})
    return Answer([show.section(found, "There is no site yet; 'surveillance site add' makes one.")], data)


SourceRead = Annotated[
    bool, typer.Option("--source-read", help="You have read the source that 'protocol show' names, in full.")
]


@app.command()
@writing
def approve_protocol(
    job: Job,
    code: Code,
    protocol: Annotated[str, typer.Argument(help="A protocol's id, or id@version.")],
    source_read: SourceRead = False,
) -> Answer:
    """A clinician approves a protocol version for use at a site; it is frozen as it stands.

    Example: surveillance site approve-protocol LDN1 asps-extremity --source-read --as dr.reed
    """
    site = registry_sites.site_by_code(job.work, code)
    row = approvals.approve_protocol(job.work, site, protocol, read_source=source_read)
    return Answer(
        [f"{row.protocol_key} is approved at {code}."], {"site": code, "protocol": row.protocol_key, "id": row.id}
    )


@app.command()
@writing
def renew_protocol(
    job: Job,
    code: Code,
    protocol: Annotated[str, typer.Argument(help="An approved version, as id@version.")],
    source_read: SourceRead = False,
) -> Answer:
    """A clinician approves a version that is in use anew: the old word is two years old, or its clinician has left.

    Example: surveillance site renew-protocol LDN1 asps-extremity@2026.2 --source-read --as dr.reed
    """
    site = registry_sites.site_by_code(job.work, code)
    row = approvals.renew(job.work, site, protocol, read_source=source_read)
    return Answer(
        [f"{row.protocol_key} is approved anew at {code}."], {"site": code, "protocol": row.protocol_key, "id": row.id}
    )


@app.command()
@writing
def look_again(
    job: Job,
    code: Code,
    protocol: Annotated[str, typer.Argument(help="The approved version, id@version.")],
    source: Annotated[str, typer.Argument(help="The source, as 'protocol show' names it.")],
    found: Annotated[str, typer.Option(help="What you found: the same edition, or which newer one.")],
    until: Annotated[date, typer.Option(parser=iso_day, metavar="DATE", help="Look again by; at most a year away.")],
) -> Answer:
    """A clinician says to have looked again at a source on which an approved protocol rests.

    Example: surveillance site look-again LDN1 asps-extremity@2026.2 nccn --found "the same edition holds"
    --until 2027-12-01 --as dr.reed
    """
    site = registry_sites.site_by_code(job.work, code)
    row = reviews.look_again(job.work, site, protocol, source, until, found)
    said = f"Written down at {code} about {source} of {row.protocol_key}: {row.found}. Next look by {row.until}."
    return Answer([said], picture(row))


@app.command()
@writing
def place_add(
    job: Job,
    code: Code,
    name: Annotated[str, typer.Argument(help="What staff call it, such as 'MRI 2'.")],
    address: Annotated[str, typer.Option(help="Where patients go.")] = "",
    phone: Annotated[str, typer.Option(help="Its own number.")] = "",
    outside: Annotated[bool, typer.Option("--outside", help="Another house: its reports must be asked for.")] = False,
) -> Answer:
    """Add a place where examinations are done.

    Example: surveillance site place-add LDN1 "MRI 2" --address "12 High Street, 2nd floor" --as anna
    """
    site = registry_sites.site_by_code(job.work, code)
    job.work.require(site.id, *consents.WRITERS)
    place = administration_places.add_place(job.work, site, name.strip(), address, phone, outside=outside)
    return Answer([f"Added {place.name} to {code}."], picture(place))


@app.command()
@confirming
def go_live(
    job: Job,
    code: Code,
    day: Annotated[date, typer.Option("--from", parser=iso_day, metavar="DATE", help="The first day of messages.")],
) -> Answer:
    """Set the day from which messages go out; before it nobody is written to.

    Example: surveillance site go-live LDN1 --from 2027-01-04 --as anna
    """
    site = registry_sites.site_by_code(job.work, code)
    going_live.go_live(job.work, site, day)
    change = [f"{code} sends messages from {show.day(day)} on, {site.send_from:%H:%M}–{site.send_until:%H:%M}"]
    change.append(f"local time of each patient, as {site.short_name}.")
    return Answer(
        [f"Done: {code} is live from {show.day(day)}."], _data(site), [" ".join(change)], compared=picture(site)
    )


def _data(site: Site) -> dict[str, object]:
    return picture(site)
