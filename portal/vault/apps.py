"""App configuration; a missing or wrong master key stops start-up with a sentence."""

from typing import Any

from celery.signals import beat_init, worker_init
from django.apps import AppConfig


class VaultConfig(AppConfig):
    """Vault."""

    name = "portal.vault"
    label = "vault"

    def ready(self) -> None:
        """Refuse to start on a master key that can't be one; workers also on one that is not this vault's."""
        from portal.vault import crypto

        crypto.master_keys()
        worker_init.connect(_check, weak=False, dispatch_uid="vault")
        beat_init.connect(_check, weak=False, dispatch_uid="vault")


def _check(**_: Any) -> None:
    from portal.vault.startup import check_or_stop

    check_or_stop()
