"""Pages that span areas: the dashboard, sign-in, the audit trail. Knows everybody, known by nobody."""
