"""Pages of sign-in, accounts and staff."""
