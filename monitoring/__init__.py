"""Monitoring that can not rot: checks, alerts, incidents (a later issue fills this area)."""
