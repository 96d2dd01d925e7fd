"""App configuration; a missing or wrong master key stops start-up with a sentence."""

from django.apps import AppConfig


class VaultConfig(AppConfig):
    """Vault."""

    name = "portal.vault"
    label = "vault"

    def ready(self) -> None:
        """Refuse to start on a master key that can't be one."""
        from portal.vault import crypto

        crypto.master_key()
