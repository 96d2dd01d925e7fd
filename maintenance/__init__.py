"""Maintenance: what is pending on each system, who decided what about it, and the runs that apply it."""
