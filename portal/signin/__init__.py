"""Getting in: sign-in and second factors (by django-allauth), invitations, password resets, people and their roles, tokens."""
