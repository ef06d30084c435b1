"""Stories of patients, lived through the operations on a database: what is due, shown and sent at each step."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from cases_read import FOLDER
from sampling import Sampling
from stories_lived import begin

from surveillance.catalogue.cases import Story, stories

LIVED = [story for story in stories(FOLDER) if any(step.sent is not None for step in story.steps)]


FEW = 3  # of them in every run; a year of ticks takes seconds


@pytest.mark.parametrize("story", LIVED, ids=lambda story: story.id)
def test_the_service_does_and_sends_what_the_story_says(
    story: Story, sqlite_engine: sa.Engine, sample: Sampling
) -> None:
    if story not in sample.of(LIVED, FEW, "stories"):
        pytest.skip("not dealt in this run; --every-row lives all of them")
    problems = list(begin(sqlite_engine, story).problems())
    assert not problems, "\n" + "\n".join(problems) + f"\nbecause: {story.because}"


def test_at_least_fifteen_stories_are_lived() -> None:
    assert len(LIVED) >= 15


def test_a_message_that_no_story_expects_and_a_wrong_status_are_told(sqlite_engine: sa.Engine) -> None:
    [story] = [story for story in LIVED if story.id == "story-07"]
    first, last = story.steps
    row = {**first.case.then["examinations"][0], "status": "due"}
    wrong = replace(
        first, sent=first.sent[:1], case=replace(first.case, then={**first.case.then, "examinations": [row]})
    )
    told = list(begin(sqlite_engine, replace(story, steps=(wrong, last))).problems())
    assert len(told) == 2
    assert "status on 2026-03-16: expected due, found booked" in told[0]
    assert "sent: expected [('2026-03-16', 'on_booking', '2026-04-21')], found" in told[1]


def test_a_story_with_messages_says_at_each_step_what_is_sent() -> None:
    assert [story.id for story in LIVED if any(step.sent is None for step in story.steps)] == []
