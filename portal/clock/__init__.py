"""Calendars as pure functions: recurring windows and business time, right across daylight saving. No Django in here."""
