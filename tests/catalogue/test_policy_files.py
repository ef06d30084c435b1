"""Reminder policies as files: what is refused, on which line."""

import pytest

from surveillance.catalogue.policy import load_policy
from surveillance.core.errors import InvalidFileError
from surveillance.paths import config_folder

SHIPPED = (config_folder() / "reminders.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('send_at: "10:00"', 'send_at: "21:30"', "21:30 lies outside the send hours 09:00–20:00"),
        ('send_at: "10:00"', 'send_at: "10"', "'10' is not a time of day"),
        ('send_at: "10:00"', 'send_at: "25:00"', "'25:00' is not a time of day"),
        ("channels: [sms, email, call]", "channels: [sms, pigeon]", "'pigeon'"),
        ("channels: [sms, email, call]", "channels: []", "name at least one channel"),
        ("days_before: 7", "days_before: 0", "days_before 0 must be at least 1"),
        ("days_before: 7", "day_before: 7", "did you mean days_before?"),
        ("enabled: true", "enabled: yes", "steps.on_booking.enabled"),
        ('from: "09:00"', 'from: "06:00"', "must rise and lie inside 08:00–21:00"),
        ("per_day: 1", "per_day: 5", "per_day 5 and per_week 3 must rise from 1"),
        ("  7d:", "  8d:", "'8d'"),
    ],
)
def test_a_mistake_is_told_with_its_file_and_line(tmp_path, old, new, reason):
    path = tmp_path / "reminders.yaml"
    path.write_text(SHIPPED.replace(old, new, 1), encoding="utf-8")
    line = SHIPPED[: SHIPPED.index(old)].count("\n") + 1
    with pytest.raises(InvalidFileError) as refused:
        load_policy(path)
    assert [problem for problem in refused.value.problems if problem.line == line and reason in problem.reason]


def test_a_missing_step_is_told(tmp_path):
    path = tmp_path / "reminders.yaml"
    path.write_text(SHIPPED[: SHIPPED.index("  cancel:")], encoding="utf-8")
    with pytest.raises(InvalidFileError, match="step cancel is missing"):
        load_policy(path)
