"""The transport: plain Python over paramiko. No Django, no settings, no database.

Callers build a `Target`, take a connection from a `Pool`, and get a `CommandResult` or a typed `SSHError`. Only
`clients.services.access` does so, because it alone knows which keys are pinned and which credential opens what.
"""
