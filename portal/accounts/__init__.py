"""Who is acting: users, memberships, API tokens, the Actor and the one place where queries are scoped to it."""
