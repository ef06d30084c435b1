"""The migration environment: one transaction for a whole upgrade, on SQLite and PostgreSQL alike.

The engine comes from ``surveillance.store.db``, or from the settings when alembic's own command is used
(``alembic revision --autogenerate``, ``alembic check``).
"""

import sqlalchemy as sa
from alembic import context
from sqlmodel import SQLModel

import surveillance.store.tables  # noqa: F401  # fills SQLModel.metadata
from surveillance import settings
from surveillance.store import db

UPGRADE_LOCK = 7_200_518  # any number that nothing else in this database uses as an advisory lock


def migrate(engine: sa.Engine) -> None:
    """Run the wanted migrations; they queue behind those of another process."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            # SQLite changes a table by building it anew and dropping the old one, which would delete or refuse
            # the rows that refer to it. The switch works only outside a transaction.
            connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")
        with connection.begin():
            if engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(UPGRADE_LOCK)))
            context.configure(
                connection=connection,
                target_metadata=SQLModel.metadata,
                render_as_batch=True,
                compare_type=True,
            )
            context.run_migrations()
            refuse_dangling(connection)
        connection.invalidate()  # a pooled connection must not go on without foreign keys


def refuse_dangling(connection: sa.Connection) -> None:
    """Raises IntegrityError, and so undoes the migration, where a row refers to one that is not there."""
    if connection.dialect.name == "sqlite":
        dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if dangling:
            tables = ", ".join(sorted({row[0] for row in dangling}))
            raise sa.exc.IntegrityError("PRAGMA foreign_key_check", None, ValueError(f"dangling rows in {tables}"))


given = context.config.attributes.get("engine")
if given is not None:
    migrate(given)
else:
    own = db.create_engine_for(settings.load().database_url)
    migrate(own)
    own.dispose()
