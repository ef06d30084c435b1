"""Administration of staff: who may sign in, in which role at which site, and what to do when something is lost."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.errors import NotFoundError
from surveillance.core.words import Role
from surveillance.operations.accounts import single_sign_on, staff, users
from surveillance.operations.accounts.users import NewUser
from surveillance.operations.work import Work
from surveillance.store.tables import User
from surveillance.web.access import Permission
from surveillance.web.forms import WHOLE, Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.routing import Pages
from surveillance.web.words import ROLE

pages = Pages(prefix="/admin/users")

ROLES = [(role.value, words) for role, words in ROLE.items()]


@pages.get("", needs=Permission.ADMINISTER)
def listed(context: PageContext) -> Response:
    zone = context.sites[0].time_zone
    return context.page(
        "accounts/users.html", members=staff.members(context.work, context.chosen_sites), roles=ROLE, zone=zone
    )


@pages.get("/new", needs=Permission.ADMINISTER)
def new_page(context: PageContext) -> Response:
    return _new_page(context, Form.filled(site=context.sites[0].code, role=Role.COORDINATOR))


@pages.post("/new", needs=Permission.ADMINISTER)
def new(context: PageContext) -> Response:
    """The first password stands on the next page, once."""
    form = context.form
    user = NewUser(
        form.text("username", "a user name", required=True, longest=64),
        form.text("name", "the person's name", required=True),
        form.text("email", "the email address"),
    )
    role = form.choice("role", "what the person may do", Role)
    code = form.one_of("site", "the site", [site.code for site in context.sites])
    if form.ok and role is not None:
        with form.trying(context.session):
            made, password = staff.add(context.work, user, context.site(code), role)
    if form.errors:
        return _new_page(context, form)
    return context.page("accounts/password-made.html", person=made, password=password, added=True)


def _new_page(context: PageContext, form: Form) -> Response:
    return context.page("accounts/user-new.html", form=form, roles=ROLES)


@pages.get("/{user_id}", needs=Permission.ADMINISTER)
def show(context: PageContext, user_id: UUID) -> Response:
    person = _person(context, user_id)
    return _page(context, person, Form.filled(name=person.name, email=person.email))


@pages.post("/{user_id}", needs=Permission.ADMINISTER)
def edit(context: PageContext, user_id: UUID) -> Response:
    person, form = _person(context, user_id), context.form
    name = form.text("name", "the person's name", required=True)
    email = form.text("email", "the email address")
    return _changed(context, person, lambda: staff.edit(context.work, person, name, email), f"{name} is changed.")


@pages.post("/{user_id}/role", needs=Permission.ADMINISTER)
def role(context: PageContext, user_id: UUID) -> Response:
    """A role at one site; the empty one takes the site away."""
    person, form = _person(context, user_id), context.form
    site = context.site(form.one_of("site", "the site", [site.code for site in context.sites]) or context.sites[0].code)
    chosen = form.choice("role", "what the person may do", Role, required=False)
    work = f"is {ROLE[chosen]} at {site.name}" if chosen else f"no longer works at {site.name}"
    change = partial(users.set_role, context.work, person, site, chosen)
    return _changed(context, person, change, f"{person.name} {work}.")


@pages.post("/{user_id}/password", needs=Permission.ADMINISTER)
def password(context: PageContext, user_id: UUID) -> Response:
    person, form = _person(context, user_id), context.form
    with form.trying(context.session):
        made = staff.reset_password(context.work, person)
    if form.errors:
        return _page(context, person, form)
    return context.page("accounts/password-made.html", person=person, password=made, added=False)


@pages.post("/{user_id}/second-factor", needs=Permission.ADMINISTER)
def second_factor(context: PageContext, user_id: UUID) -> Response:
    said = "has no second factor any more and can set up a new one."
    why = "why the second factor is reset"
    return _with_reason(context, user_id, "factor_reason", why, staff.reset_second_factor, said)


@pages.post("/{user_id}/unlink", needs=Permission.ADMINISTER)
def unlink(context: PageContext, user_id: UUID) -> Response:
    """Forget to whom of the hospital's sign-in the account belongs."""
    said = "is linked anew at the next single sign-on."
    return _with_reason(context, user_id, "link_reason", "why the link is forgotten", single_sign_on.unlink, said)


@pages.post("/{user_id}/disable", needs=Permission.ADMINISTER)
def disable(context: PageContext, user_id: UUID) -> Response:
    said = "may not sign in any more; addresses and tokens are revoked."
    return _with_reason(context, user_id, "reason", "why the account is closed", staff.disable, said)


@pages.post("/{user_id}/enable", needs=Permission.ADMINISTER)
def enable(context: PageContext, user_id: UUID) -> Response:
    said = "may sign in again."
    return _with_reason(context, user_id, "reason", "why the account is opened again", users.enable, said)


def _with_reason(
    context: PageContext, user_id: UUID, field: str, why: str, change: Callable[[Work, User, str], object], said: str
) -> Response:
    """A change of one user that is made only with a reason; ``said`` goes on after the person's name."""
    person = _person(context, user_id)
    reason = context.form.text(field, why, required=True)
    return _changed(context, person, partial(change, context.work, person, reason), f"{person.name} {said}", field)


def _changed(
    context: PageContext, person: User, change: Callable[[], object], said: str, field: str = WHOLE
) -> Response:
    """Make a change that a form asks for, or show the form again; what the operation refuses stands at ``field``."""
    form = context.form
    if form.ok:
        with form.trying(context.session, field):
            change()
    if form.errors:
        return _page(context, person, form)
    # Whoever works nowhere any more is not listed here either.
    here = person.id in {member.user.id for member in staff.members(context.work, context.sites)}
    return context.done(f"/admin/users/{person.id}" if here else "/admin/users", said)


def _person(context: PageContext, user_id: UUID) -> User:
    """A member of staff of one's sites. Raises NotFoundError."""
    found = next((each.user for each in staff.members(context.work, context.sites) if each.user.id == user_id), None)
    if found is None:
        raise NotFoundError("there is no such user here")
    return found


def _page(context: PageContext, person: User, form: Form) -> Response:
    """One user. What others than the administrator of all their sites may not do is not offered."""
    there = users.roles_of(context.work, person)
    mine = {site.id for site in context.sites}
    held = {site.id: role for site, role in there}
    return context.page(
        "accounts/user.html",
        form=form,
        person=person,
        elsewhere=[(site, ROLE[role]) for site, role in there if site.id not in mine],
        held=[(site, held.get(site.id)) for site in context.sites],
        whole=all(site.id in mine for site, _ in there),
        roles=ROLES,
        role_words=ROLE,
        zone=context.sites[0].time_zone,
    )
