"""Administration of staff: who may sign in, in which role at which site, and what to do when something is lost."""

from uuid import UUID

from fastapi.responses import Response

from surveillance.core.errors import NotFoundError
from surveillance.core.words import Role
from surveillance.operations import accounts, single_sign_on, staff
from surveillance.operations.accounts import NewUser
from surveillance.store.tables import User
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.forms import Form
from surveillance.web.pages import Pages
from surveillance.web.words import ROLE

pages = Pages(prefix="/admin/users")

ROLES = [(role.value, words) for role, words in ROLE.items()]


@pages.get("", needs=Permission.ADMINISTER)
def listed(desk: Desk) -> Response:
    zone = desk.sites[0].time_zone
    return desk.page("admin/users.html", members=staff.members(desk.work, desk.chosen_sites), roles=ROLE, zone=zone)


@pages.get("/new", needs=Permission.ADMINISTER)
def new_page(desk: Desk) -> Response:
    return _new_page(desk, Form.filled(site=desk.sites[0].code, role=Role.COORDINATOR))


@pages.post("/new", needs=Permission.ADMINISTER)
def new(desk: Desk) -> Response:
    """The first password stands on the next page, once."""
    form = desk.form
    user = NewUser(
        form.text("username", "a user name", required=True, longest=64),
        form.text("name", "the person's name", required=True),
        form.text("email", "the email address"),
    )
    role = form.choice("role", "what the person may do", Role)
    code = form.one_of("site", "the site", [site.code for site in desk.sites])
    if form.ok and role is not None:
        with form.trying(desk.session):
            made, password = staff.add(desk.work, user, desk.site(code), role)
    if form.errors:
        return _new_page(desk, form)
    return desk.page("admin/password.html", person=made, password=password, added=True)


def _new_page(desk: Desk, form: Form) -> Response:
    return desk.page("admin/user-new.html", form=form, roles=ROLES)


@pages.get("/{user_id}", needs=Permission.ADMINISTER)
def show(desk: Desk, user_id: UUID) -> Response:
    person = _person(desk, user_id)
    return _page(desk, person, Form.filled(name=person.name, email=person.email))


@pages.post("/{user_id}", needs=Permission.ADMINISTER)
def edit(desk: Desk, user_id: UUID) -> Response:
    person, form = _person(desk, user_id), desk.form
    name = form.text("name", "the person's name", required=True)
    email = form.text("email", "the email address")
    if form.ok:
        with form.trying(desk.session):
            staff.edit(desk.work, person, name, email)
    if form.errors:
        return _page(desk, person, form)
    return desk.done(f"/admin/users/{person.id}", f"{person.name} is changed.")


@pages.post("/{user_id}/role", needs=Permission.ADMINISTER)
def role(desk: Desk, user_id: UUID) -> Response:
    """A role at one site; the empty one takes the site away."""
    person, form = _person(desk, user_id), desk.form
    site = desk.site(form.one_of("site", "the site", [site.code for site in desk.sites]) or desk.sites[0].code)
    chosen = form.choice("role", "what the person may do", Role, required=False)
    if form.ok:
        with form.trying(desk.session):
            accounts.set_role(desk.work, person, site, chosen)
    if form.errors:
        return _page(desk, person, form)
    said = (
        f"{person.name} is {ROLE[chosen]} at {site.name}."
        if chosen
        else f"{person.name} no longer works at {site.name}."
    )
    # Whoever works nowhere any more is not listed here either.
    here = person.id in {member.user.id for member in staff.members(desk.work, desk.sites)}
    return desk.done(f"/admin/users/{person.id}" if here else "/admin/users", said)


@pages.post("/{user_id}/password", needs=Permission.ADMINISTER)
def password(desk: Desk, user_id: UUID) -> Response:
    person, form = _person(desk, user_id), desk.form
    with form.trying(desk.session):
        made = staff.reset_password(desk.work, person)
    if form.errors:
        return _page(desk, person, form)
    return desk.page("admin/password.html", person=person, password=made, added=False)


@pages.post("/{user_id}/second-factor", needs=Permission.ADMINISTER)
def second_factor(desk: Desk, user_id: UUID) -> Response:
    person, form = _person(desk, user_id), desk.form
    reason = form.text("factor_reason", "why the second factor is reset", required=True)
    if form.ok:
        with form.trying(desk.session, "factor_reason"):
            staff.reset_second_factor(desk.work, person, reason)
    if form.errors:
        return _page(desk, person, form)
    return desk.done(
        f"/admin/users/{person.id}", f"{person.name} has no second factor any more and can set up a new one."
    )


@pages.post("/{user_id}/unlink", needs=Permission.ADMINISTER)
def unlink(desk: Desk, user_id: UUID) -> Response:
    """Forget to whom of the hospital's sign-in the account belongs."""
    person, form = _person(desk, user_id), desk.form
    reason = form.text("link_reason", "why the link is forgotten", required=True)
    if form.ok:
        with form.trying(desk.session, "link_reason"):
            single_sign_on.unlink(desk.work, person, reason)
    if form.errors:
        return _page(desk, person, form)
    return desk.done(f"/admin/users/{person.id}", f"{person.name} is linked anew at the next single sign-on.")


@pages.post("/{user_id}/disable", needs=Permission.ADMINISTER)
def disable(desk: Desk, user_id: UUID) -> Response:
    person, form = _person(desk, user_id), desk.form
    reason = form.text("reason", "why the account is closed", required=True)
    if form.ok:
        with form.trying(desk.session, "reason"):
            staff.disable(desk.work, person, reason)
    if form.errors:
        return _page(desk, person, form)
    return desk.done(
        f"/admin/users/{person.id}", f"{person.name} may not sign in any more; addresses and tokens are revoked."
    )


@pages.post("/{user_id}/enable", needs=Permission.ADMINISTER)
def enable(desk: Desk, user_id: UUID) -> Response:
    person, form = _person(desk, user_id), desk.form
    reason = form.text("reason", "why the account is opened again", required=True)
    if form.ok:
        with form.trying(desk.session, "reason"):
            accounts.enable(desk.work, person, reason)
    if form.errors:
        return _page(desk, person, form)
    return desk.done(f"/admin/users/{person.id}", f"{person.name} may sign in again.")


def _person(desk: Desk, user_id: UUID) -> User:
    """A member of staff of one's sites. Raises NotFoundError."""
    found = next((each.user for each in staff.members(desk.work, desk.sites) if each.user.id == user_id), None)
    if found is None:
        raise NotFoundError("there is no such user here")
    return found


def _page(desk: Desk, person: User, form: Form) -> Response:
    """One user. What others than the administrator of all their sites may not do is not offered."""
    there = accounts.roles_of(desk.work, person)
    mine = {site.id for site in desk.sites}
    held = {site.id: role for site, role in there}
    return desk.page(
        "admin/user.html",
        form=form,
        person=person,
        elsewhere=[(site, ROLE[role]) for site, role in there if site.id not in mine],
        held=[(site, held.get(site.id)) for site in desk.sites],
        whole=all(site.id in mine for site, _ in there),
        roles=ROLES,
        role_words=ROLE,
        zone=desk.sites[0].time_zone,
    )
