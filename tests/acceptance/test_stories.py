"""Stories of patients, lived through the operations on a database: what is due, shown and sent at each step."""

import pytest
import sqlalchemy as sa
from cases_read import FOLDER
from stories_lived import begin

from surveillance.catalogue.cases import Story, stories

LIVED = [story for story in stories(FOLDER) if any(step.sent is not None for step in story.steps)]


@pytest.mark.parametrize("story", LIVED, ids=lambda story: story.id)
def test_the_service_does_and_sends_what_the_story_says(story: Story, sqlite_engine: sa.Engine) -> None:
    problems = list(begin(sqlite_engine, story).problems())
    assert not problems, "\n" + "\n".join(problems) + f"\nbecause: {story.because}"


def test_a_story_with_messages_says_at_each_step_what_is_sent() -> None:
    assert [story.id for story in LIVED if any(step.sent is None for step in story.steps)] == []
