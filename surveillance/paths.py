"""Where config/, alembic/ and the reference cases stand: in the checkout, or inside the package if it came as a wheel.

The place inside the package is tried first. Beside an installed package lies site-packages, where a folder
named ``alembic`` exists too: the library itself.
"""

from pathlib import Path

from surveillance.core.errors import ConfigurationError

PACKAGE = Path(__file__).resolve().parent


def config_folder() -> Path:
    """The shipped protocols, reminder policy, message texts and demo data."""
    return _find("config")


def alembic_folder() -> Path:
    """The migration environment: env.py and versions/."""
    return _find("alembic")


def cases_folder() -> Path:
    """The reference cases: what must follow from which facts, with their schema and README."""
    return _find("cases", beside="tests/cases")


def _find(name: str, package: Path = PACKAGE, *, beside: str = "") -> Path:
    """``beside``: where it stands in a checkout, if not at the top. Raises ConfigurationError where it is missing."""
    for found in (package / "_data" / name, package.parent / (beside or name)):
        if found.is_dir():
            return found
    raise ConfigurationError(f"{package} has no {name}/ in or beside it; install surveillance again")
