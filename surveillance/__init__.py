"""Scheduling and reminders for cancer follow-up imaging: nobody is silently lost."""

__version__ = "0.1.0"
