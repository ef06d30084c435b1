from pathlib import Path

import pytest

from surveillance import paths
from surveillance.core.errors import ConfigurationError


def test_a_checkout_has_config_and_alembic_at_its_top_and_the_cases_among_its_tests() -> None:
    top = Path(paths.__file__).parents[1]
    assert paths.config_folder() == top / "config"
    assert paths.alembic_folder() == top / "alembic"
    assert paths.cases_folder() == top / "tests" / "cases"


def test_an_installed_package_carries_its_own_data_and_is_not_misled_by_the_library_beside_it(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "surveillance"
    (package / "_data" / "alembic").mkdir(parents=True)
    (package.parent / "alembic").mkdir()
    (package / "_data" / "cases").mkdir()
    assert paths._find("alembic", package) == package / "_data" / "alembic"
    assert paths._find("cases", package, beside="tests/cases") == package / "_data" / "cases"


def test_an_incomplete_installation_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no config/ in or beside it"):
        paths._find("config", tmp_path / "surveillance")
