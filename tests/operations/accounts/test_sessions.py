"""Sessions of the browser that are over: how long a row of them stays."""

from datetime import timedelta

import sqlalchemy as sa
from fakes.clinic import NOON, open_clinic
from sqlmodel import select

from surveillance.operations.accounts import sessions
from surveillance.store.tables import User, WebSession


def test_the_daily_sweep_forgets_sessions_that_are_long_over(engine: sa.Engine) -> None:
    clinic = open_clinic(engine)
    with clinic.work() as work:
        user = work.session.exec(select(User)).first()
        secret = sessions.open_session(work, user, "password", proven=True)
    clinic.tick(NOON + timedelta(hours=8))  # the same day at the clinic
    assert [row.token_hash for row in clinic.all(WebSession)] == [sessions.hashed(secret)]
    clinic.tick(NOON + 2 * sessions.LONGEST + timedelta(hours=1))
    assert clinic.all(WebSession) == []
