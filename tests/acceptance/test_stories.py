"""Stories of patients, lived through the operations on a database: what is due, shown and sent at each step."""

import pytest
import sqlalchemy as sa
from cases_read import FOLDER
from sampling import Sampling
from stories_lived import begin

from surveillance.catalogue.cases import Story, stories

LIVED = [story for story in stories(FOLDER) if any(step.sent is not None for step in story.steps)]


FEW = 5  # of them in every run; a year of ticks takes seconds


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


def test_a_story_with_messages_says_at_each_step_what_is_sent() -> None:
    assert [story.id for story in LIVED if any(step.sent is None for step in story.steps)] == []
