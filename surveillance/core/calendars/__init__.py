"""Calendars: what an entry holds and how it is written; months and weeks as a wall calendar shows them."""
