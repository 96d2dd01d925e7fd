"""Clients, contacts, systems, host keys."""

from clients.models.client import AllowedRange, Client, Contact
from clients.models.host_key import HostKeyAlert, SystemHostKey
from clients.models.system import ServiceCheck, System

__all__ = ["AllowedRange", "Client", "Contact", "HostKeyAlert", "ServiceCheck", "System", "SystemHostKey"]
