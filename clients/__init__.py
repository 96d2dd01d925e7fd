"""Clients, their systems and how we reach them."""
