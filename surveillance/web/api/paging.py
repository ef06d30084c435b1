"""Lists in pages: each page begins after the last row of the one before (keyset), so that none is shown twice.

A cursor holds the sort values of a row, which may be a patient's name: it stands in addresses and is therefore sealed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final, Generic, TypeVar
from uuid import UUID

import sqlalchemy as sa
from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from surveillance.store.audit.events import plain
from surveillance.web.api.call import Call
from surveillance.web.api.models.common import QueryNumber
from surveillance.web.problems import Kind, ProblemError

M = TypeVar("M", bound=BaseModel)

MOST: Final = 200
_READ: Final[dict[str, Callable[[str], Any]]] = {
    "UUID": UUID,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "int": int,
    "str": str,
}


class Page(BaseModel, Generic[M]):
    """Some rows of a list, and how to get those after them."""

    model_config = ConfigDict(extra="forbid")

    items: list[M] = Field(description="The rows, in the order of the list.")
    next: str | None = Field(
        description="The cursor of the next page; null on the last one. The header `Link` holds its whole address."
    )


@dataclass(frozen=True, slots=True)
class Paging:
    limit: int
    cursor: str | None


def _paging(
    limit: Annotated[QueryNumber, Query(ge=1, le=MOST, description="How many rows at most.")] = 50,
    cursor: Annotated[
        str | None,
        Query(max_length=1000, description="`next` of the page before. Left out for the first page.", examples=[None]),
    ] = None,
) -> Paging:
    return Paging(limit, cursor)


PagingDep = Annotated[Paging, Depends(_paging)]


def after(call: Call, paging: Paging, kinds: Sequence[type]) -> tuple[Any, ...] | None:
    """The sort values of the last row that was shown; None for a first page.

    Raises ProblemError for a cursor of another list or of another token.
    """
    if paging.cursor is None:
        return None
    try:
        route, values = call.caller.seal.open(paging.cursor)
        if route != _list_of(call):
            raise ValueError(route)
        return tuple(_READ[kind.__name__](value) for kind, value in zip(kinds, values, strict=True))
    except (ValueError, TypeError) as error:
        raise ProblemError(Kind.INVALID, "the cursor does not belong to this list and token") from error


def cursor(call: Call, *values: Any) -> str:
    """What names a row of this list as the last one that was shown."""
    return call.caller.seal.close([_list_of(call), plain(values)])


def _list_of(call: Call) -> str:
    return f"{call.request.method} {call.request.url.path}"


def rows(
    call: Call, statement: Any, keys: Sequence[tuple[Any, type]], paging: Paging, *, descending: bool = False
) -> tuple[list[Any], str | None]:
    """One page of ``statement``, ordered by ``keys`` (columns of the selected table; the last is unique)."""
    columns = [column for column, _ in keys]
    last = after(call, paging, [kind for _, kind in keys])
    if last is not None:
        statement = statement.where(_beyond(columns, last, descending=descending))
    ordered = statement.order_by(*(column.desc() if descending else column for column in columns))
    found = list(call.session.exec(ordered.limit(paging.limit + 1)))
    shown = found[: paging.limit]
    if len(found) <= paging.limit:
        return shown, None
    return shown, cursor(call, *(getattr(shown[-1], column.key) for column in columns))


def _beyond(columns: Sequence[Any], last: Sequence[Any], *, descending: bool) -> Any:
    """Rows after ``last`` in the order of the columns: (a, b) > (x, y), written so that an index on a is used."""
    first, value = columns[0], last[0]
    strict = first < value if descending else first > value
    if len(columns) == 1:
        return strict
    reach = first <= value if descending else first >= value
    return sa.and_(reach, sa.or_(strict, _beyond(columns[1:], last[1:], descending=descending)))
