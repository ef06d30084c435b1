"""The reminder policy from its file (config/reminders.yaml)."""

from datetime import time, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from surveillance.catalogue import yaml_lines
from surveillance.core.errors import InvalidFileError
from surveillance.core.messages.policy import Latest, Policy, StepRule, faults
from surveillance.core.words import Channel, Step


def _clock(value: object) -> time:
    """A time of day as people write it. ISO 8601 alone would also take 9 and 090000."""
    if not isinstance(value, str) or len(value) != len("09:30"):
        raise ValueError(f'{value!r} is not a time of day; write it as "09:30"')
    try:
        return time.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f'{value!r} is not a time of day; write it as "09:30"') from error


Clock = Annotated[time, BeforeValidator(_clock, json_schema_input_type=str)]
Minutes = Annotated[int, Field(ge=0, le=24 * 60, strict=True)]
Count = Annotated[int, Field(ge=1, le=50, strict=True)]
Days = Annotated[int, Field(ge=0, le=366, strict=True)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HoursPart(_Part):
    start: Clock = Field(alias="from")
    until: Clock


class CapsPart(_Part):
    per_day: Count
    per_week: Count


class LatestPart(_Part):
    days_after: Days
    at: Clock


class StepPart(_Part):
    enabled: Annotated[bool, Field(strict=True)]
    channels: list[Channel]
    days_before: Days | None = None
    send_at: Clock | None = None
    latest: LatestPart | None = None
    template: Step | None = None


class PolicyDocument(_Part):
    """The form of the file; a missing step is told by the policy's own rules."""

    send_hours: HoursPart
    caps: CapsPart
    notice_delay_minutes: Minutes
    notice_margin_minutes: Minutes
    steps: dict[Step, StepPart]


def load_policy(path: Path) -> Policy:
    """The policy that a file holds.

    Raises:
        InvalidFileError: with one problem for each mistake, each on its line. Mistakes of form come first; the
            policy's own rules (core.messages.policy.faults) are looked at once the form is right.
    """
    document = yaml_lines.read(path)
    policy = _policy(yaml_lines.validate(document, PolicyDocument))
    problems = [document.problem(fault.path, fault.reason) for fault in faults(policy)]
    if problems:
        raise InvalidFileError(sorted(problems, key=lambda problem: problem.line))
    return policy


def _policy(part: PolicyDocument) -> Policy:
    return Policy(
        steps={step: _rule(step, rule) for step, rule in part.steps.items()},
        send_from=part.send_hours.start,
        send_until=part.send_hours.until,
        per_day=part.caps.per_day,
        per_week=part.caps.per_week,
        notice_delay=timedelta(minutes=part.notice_delay_minutes),
        notice_margin=timedelta(minutes=part.notice_margin_minutes),
    )


def _rule(step: Step, part: StepPart) -> StepRule:
    return StepRule(
        step=step,
        enabled=part.enabled,
        channels=tuple(part.channels),
        days_before=part.days_before,
        send_at=part.send_at,
        latest=Latest(part.latest.days_after, part.latest.at) if part.latest else None,
        template=part.template or step,
    )
