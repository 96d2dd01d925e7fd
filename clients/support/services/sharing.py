"""A share link in a client's Nextcloud, by its own interface; looked at from outside before it is called done.

Source: Nextcloud developer manual, OCS Share API (shares, shareType 3 is a public link). No Nextcloud could be had here: it is tested
against a server of the tests' own that speaks this part of it.
"""

import httpx

from clients.services.networks import allowed_networks
from clients.support.choices import ActionState
from clients.support.models import Action
from clients.support.services import knowledge
from portal import outbound
from portal.vault import services as vault

_PUBLIC_LINK, _READ = "3", "1"


def make_link(action: Action) -> tuple[ActionState, str]:
    """Make one link; how it ended, and what an operator should know. An answer that was cut leaves it unknown whether there is one."""
    address = knowledge.facts_of(action.system.client).get("cloud_address", "").rstrip("/")
    if not address or action.login is None or action.credential is None or action.ends_on is None:
        return ActionState.FAILED, "The address of this Nextcloud is not known here, or its login is gone."
    values = {
        "path": action.path, "shareType": _PUBLIC_LINK, "permissions": _READ, "expireDate": action.ends_on.isoformat(),
        "password": vault.open_for_use(action.credential).decode(),
    }  # fmt: skip
    allowed = allowed_networks({action.client_id})[action.client_id]
    try:
        answer = outbound.post_form(
            f"{address}/ocs/v2.php/apps/files_sharing/api/v1/shares?format=json", values, allowed=allowed,
            login=(action.login.username, vault.open_for_use(action.login).decode()), headers={"OCS-APIRequest": "true"},
        )  # fmt: skip
    except (outbound.Refused, httpx.ConnectError, httpx.ConnectTimeout) as error:
        return ActionState.FAILED, f"Not asked: {error}"
    except httpx.HTTPError as error:
        return ActionState.UNKNOWN, f"The answer was lost ({type(error).__name__}): look in Nextcloud whether there is a link."
    return _judged(action, answer, allowed)


def _judged(action: Action, answer: httpx.Response, allowed: list[outbound.Network]) -> tuple[ActionState, str]:
    try:
        said = answer.json()["ocs"]
        code, url = int(said["meta"]["statuscode"]), str((said["data"] or {}).get("url", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return (
            ActionState.FAILED if answer.status_code >= 400 else ActionState.UNKNOWN,
            f"Nextcloud answered with status {answer.status_code}.",
        )
    if code not in {100, 200} or not url:
        return ActionState.FAILED, f"Nextcloud refused: {str(said['meta'].get('message', code))[:200]}"
    Action.objects.filter(pk=action.pk).update(url=url[:500])
    try:
        seen = outbound.get(url, allowed=allowed, redirects=3).status_code
    except (outbound.Refused, httpx.HTTPError) as error:
        return ActionState.UNKNOWN, f"The link is {url}, and it could not be opened from here: {error}"
    if seen != 200:
        return ActionState.UNKNOWN, f"The link is {url}, and opening it gave status {seen}."
    return ActionState.DONE, f"{url}, until {action.ends_on}; its password is in the vault."
