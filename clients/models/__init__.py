"""Clients, contacts, systems, host keys."""

from clients.models.client import Client, Contact
from clients.models.host_key import HostKeyAlert, SystemHostKey
from clients.models.system import ServiceCheck, System

__all__ = ["Client", "Contact", "HostKeyAlert", "ServiceCheck", "System", "SystemHostKey"]
