"""Support: tickets, mail, promises, hours, answers, reports."""
