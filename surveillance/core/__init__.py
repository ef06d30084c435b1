"""The pure core: dates, schedules, decisions, messages and calendars.

Nothing in here reads a clock, draws a random number or touches the world; ``now`` and ``today`` come in as
arguments. Import-linter and ``tests/core/test_purity.py`` hold that.
"""
