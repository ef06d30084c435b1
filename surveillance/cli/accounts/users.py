"""``surveillance user``: accounts of staff, their roles, their passwords."""

import sys
from typing import Annotated

import typer
from sqlmodel import col, select

from surveillance.cli import show, words
from surveillance.cli.context import Answer, Job, Options, confirming, reading, run_write, writing
from surveillance.cli.options import AsJson, AsUser, AtSite, DryRun, Reason
from surveillance.core.errors import InvalidInputError
from surveillance.core.words import Role
from surveillance.operations.accounts import sessions
from surveillance.operations.accounts import users as user_accounts
from surveillance.store.tables import Membership, User

app = typer.Typer(help="Users: add, list, disable, reset passwords, give roles.", no_args_is_help=True)

Username = Annotated[str, typer.Argument(metavar="USER", help="The user name.")]
WithPassword = Annotated[
    bool, typer.Option("--password", help="Set a password: asked for twice, or one line of standard input.")
]


def read_password() -> str:
    """A password from the terminal, typed twice unseen, or the first line of standard input; never an argument.

    Raises InvalidInputError where nothing was given or it is too short.
    """
    if show.is_interactive():
        given = str(typer.prompt("Password", hide_input=True, confirmation_prompt="Once more", err=True))
    else:
        given = sys.stdin.readline().rstrip("\r\n")
    if not given:
        raise InvalidInputError("no password was given; type it, or pass one line on standard input")
    return given


def _note(password: str | None) -> list[str]:
    if password is None or len(password) >= user_accounts.RECOMMENDED:
        return []
    return [f"the password has {len(password)} characters; {user_accounts.RECOMMENDED} or more are better"]


@app.command("add")
def add_user(
    username: Username,
    name: Annotated[str, typer.Option(help="The person's name.")],
    role: Annotated[Role, typer.Option(help="What the person may do at the site.")],
    email: Annotated[str, typer.Option(help="For notices of the service.")] = "",
    password: WithPassword = False,
    user: AsUser = None,
    site: AtSite = None,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Add a member of staff at a site (--site). Without --password the account works on the command line only.

    Example: surveillance user add jo.reed --name "Jo Reed" --role clinician --site LDN1 --as anna
    """
    secret = read_password() if password else None  # before the transaction: no lock is held while somebody types

    def add(job: Job) -> Answer:
        where = job.site()
        made = user_accounts.add_user(job.work, user_accounts.NewUser(username, name, email, secret), where, role)
        said = f"Added {made.username}, {words.ROLE[role]} at {where.code}."
        return Answer([said], _data(job, made), warnings=_note(secret))

    run_write(add, Options(user, site, as_json, dry_run))


@app.command("list")
@reading
def list_users(job: Job) -> Answer:
    """Staff of the sites you work at.

    Example: surveillance user list --site LDN1
    """
    here = [site.id for site in job.sites()]
    statement = select(User).where(col(User.system).is_(False)).order_by(col(User.username))
    staff = select(col(Membership.user_id)).where(col(Membership.site_id).in_(here))
    users = job.work.session.exec(statement.where(col(User.id).in_(staff)))
    found, data = show.table("", "User", "Name", "Email", "Works at", "May sign in"), []
    for user in users:
        there = [f"{site.code} ({words.ROLE[role]})" for site, role in user_accounts.roles_of(job.work, user)]
        show.add(found, user.username, user.name, user.email, show.joined(there), _sign_in(user))
        data.append(_data(job, user))
    return Answer([show.section(found, "There is no user yet; 'surveillance user add' makes one.")], data)


def _sign_in(user: User) -> str:
    if user.disabled_at is not None:
        return f"disabled since {show.day(user.disabled_at.date())}"
    return "yes" if user.password_hash else "on the command line only"


@app.command()
@confirming
def disable(job: Job, username: Username, reason: Reason) -> Answer:
    """Close an account: it can do nothing any more, and its calendar addresses stop working at once.

    Example: surveillance user disable jo.reed --reason "left the clinic" --as anna
    """
    user = user_accounts.user_named(job.work, username)
    revoked = user_accounts.disable(job.work, user, reason)
    sessions.end_all(job.work, user, "the account was disabled")
    change = f"{user.username} ({user.name}) is disabled; {revoked} calendar addresses are revoked."
    return Answer(["Done."], _data(job, user) | {"feeds_revoked": revoked}, [change], compared=revoked)


@app.command()
@writing
def enable(job: Job, username: Username, reason: Reason) -> Answer:
    """Open a disabled account again; revoked calendar addresses stay revoked.

    Example: surveillance user enable jo.reed --reason "back from leave" --as anna
    """
    user = user_accounts.user_named(job.work, username)
    user_accounts.enable(job.work, user, reason)
    return Answer([f"{user.username} may act again."], _data(job, user))


@app.command()
def reset(username: Username, user: AsUser = None, as_json: AsJson = False, dry_run: DryRun = False) -> None:
    """Set a password: typed twice, or one line of standard input. The user must change it at the next sign-in.

    Example: surveillance user reset jo.reed --as anna
    """
    secret = read_password()

    def set_password(job: Job) -> Answer:
        owner = user_accounts.user_named(job.work, username)
        user_accounts.reset_password(job.work, owner, secret)
        sessions.end_all(job.work, owner, "the password was reset")
        return Answer([f"{owner.username} has a new password."], _data(job, owner), warnings=_note(secret))

    run_write(set_password, Options(user, None, as_json, dry_run))


@app.command("role")
@writing
def set_role(
    job: Job,
    username: Username,
    role: Annotated[Role | None, typer.Argument(help="The new role.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="The user no longer works at the site.")] = False,
) -> Answer:
    """Give a user another role at a site (--site), or take the site away with --remove.

    Example: surveillance user role jo.reed coordinator --site LDN1 --as anna
    """
    if (role is None) is not remove:
        raise InvalidInputError("give either a role or --remove")
    site, user = job.site(), user_accounts.user_named(job.work, username)
    user_accounts.set_role(job.work, user, site, role)
    now = words.ROLE[role] if role else "no longer works"
    return Answer([f"{user.username}: {now} at {site.code}."], _data(job, user))


def _data(job: Job, user: User) -> dict[str, object]:
    there = {site.code: role for site, role in user_accounts.roles_of(job.work, user)}
    return {
        "username": user.username,
        "name": user.name,
        "email": user.email,
        "disabled_at": user.disabled_at,
        "roles": there,
    }
