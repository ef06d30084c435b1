"""``surveillance token``: how programs come in over the JSON API."""

from datetime import date, datetime, time
from typing import Annotated

import typer

from surveillance.cli import show
from surveillance.cli.context import Answer, Job, reading, writing
from surveillance.cli.options import Why, iso_day
from surveillance.core.dates import DAY, to_utc
from surveillance.operations.accounts import tokens, users
from surveillance.operations.accounts.tokens import NewToken, Scope
from surveillance.store.tables import ApiToken, User

app = typer.Typer(no_args_is_help=True, help="API tokens: how programs come in.")

TokenName = Annotated[str, typer.Argument(metavar="ID", help="The first digits of the token's id.")]


@app.command()
@writing
def create(
    job: Job,
    username: Annotated[str, typer.Argument(metavar="USER", help="In whose name the program acts.")],
    name: Annotated[str, typer.Option(help="What the program is, such as 'RIS bridge'.")],
    write: Annotated[bool, typer.Option("--write", help="It may change things; without this it only reads.")] = False,
    until: Annotated[
        date | None, typer.Option(parser=iso_day, metavar="DATE", help="The last day on which it works.")
    ] = None,
) -> Answer:
    """Make a token and show it once. Best give each program a user of its own, with the role that it needs.

    Example: surveillance token create ris.bridge --name "RIS bridge" --write --until 2027-12-31 --as anna
    """
    owner = users.user_named(job.work, username)
    scopes = [Scope.READ, Scope.WRITE] if write else [Scope.READ]
    ends = _end_of(job, until) if until else None
    token, secret = tokens.create(job.work, NewToken(owner, name, scopes, ends))
    said = [f"Token {_short(token)} for {owner.username}: {token.name}, may {_may(token)}."]
    # A token that was tried and taken back opens nothing, so a dry run shows none.
    if not job.options.dry_run:
        said += ["Whoever has it may do so too, so keep it like a key. It is shown only now.", f"  {secret}"]
    return Answer(said, _data(token, owner) | ({} if job.options.dry_run else {"secret": secret}))


@app.command("list")
@reading
def list_tokens(job: Job) -> Answer:
    """Tokens of those who work at your sites, and when a program last came with one.

    Example: surveillance token list
    """
    sites = job.sites()
    zone = sites[0].time_zone if sites else "UTC"
    rows = tokens.listed(job.work, sites)
    table = show.table("Tokens", "ID", "Acts as", "Program", "May", "Made", "Works until", "Last used", "State")
    for token, owner in rows:
        moments = [show.moment(at, zone) for at in (token.created_at, token.expires_at, token.last_used_at)]
        show.add(table, _short(token), owner.username, token.name, _may(token), *moments, _state(job, token))
    return Answer([show.section(table, "none yet")], [_data(*row) for row in rows])


@app.command()
@writing
def revoke(job: Job, token: TokenName, reason: Why = "") -> Answer:
    """End a token for good; the program is refused from now on.

    Example: surveillance token revoke 1f2e3d4c --reason "bridge replaced" --as anna
    """
    row = tokens.token_named(job.work, job.sites(), token)
    tokens.revoke(job.work, row, reason)
    return Answer(
        [f"Token {_short(row)} ({row.name}) is revoked."], _data(row, job.work.session.get_one(User, row.user_id))
    )


def _end_of(job: Job, day: date) -> datetime:
    """The end of a day at the first of the sites."""
    sites = job.sites()
    return to_utc(day + DAY, time(0), sites[0].time_zone if sites else "UTC")


def _may(token: ApiToken) -> str:
    return "read and write" if Scope.WRITE in token.scopes else "read"


def _state(job: Job, token: ApiToken) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.expires_at is not None and token.expires_at <= job.work.now else "works"


def _data(token: ApiToken, owner: User) -> dict[str, object]:
    return {
        "id": token.id,
        "user": owner.username,
        "name": token.name,
        "scopes": token.scopes,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
        "last_used_at": token.last_used_at,
    }


def _short(token: ApiToken) -> str:
    return token.id.hex[:8]
