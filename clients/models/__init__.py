"""Clients, contacts, calendars, systems, host keys."""

from clients.models.calendar import BusinessHours
from clients.models.client import AllowedRange, Client, Contact
from clients.models.host_key import HostKeyAlert, SystemHostKey
from clients.models.system import ServiceCheck, System

__all__ = ["AllowedRange", "BusinessHours", "Client", "Contact", "HostKeyAlert", "ServiceCheck", "System", "SystemHostKey"]
