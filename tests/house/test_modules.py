"""The map lists every module as it is."""

import modules


def test_the_index_of_modules_is_up_to_date() -> None:
    page = modules.PAGE.read_text(encoding="utf-8")
    assert page == modules.with_index(page), "python tests/house/modules.py writes it anew"
