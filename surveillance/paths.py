"""Where config/ and alembic/ stand: at the top of a checkout, or inside the package when it came as a wheel.

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


def _find(name: str, package: Path = PACKAGE) -> Path:
    """Raises ConfigurationError where the installation is incomplete."""
    for parent in (package / "_data", package.parent):
        if (parent / name).is_dir():
            return parent / name
    raise ConfigurationError(f"{package} has no {name}/ in or beside it; install surveillance again")
