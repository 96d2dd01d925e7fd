"""Storage that asks for a login of its own beside the repository's key: restic's REST server, and what speaks S3."""

import re
from urllib.parse import quote

_REST = re.compile(r"rest:https?://[^/@]+(/.*)?")
_S3 = re.compile(r"s3:.+")


def has_login(repository: str) -> bool:
    """Whether the storage of this restic repository is of a kind whose login the portal can hand over."""
    return bool(_REST.fullmatch(repository) or _S3.fullmatch(repository))


def told_to_storage(repository: str, login: str, secret: str) -> tuple[str, str]:
    """What file the tool reads the login from, as the name of a secret and its content.

    A REST server's login stands in the address (`at`: the repository's whole address, which restic takes from a file); that of
    S3 in a file of shared credentials (`aws`).

    Source: restic's manual, "REST Server" and "Amazon S3"; github.com/minio/minio-go, pkg/credentials (FileAWSCredentials).

    Raises:
        ValueError: the storage is of another kind.
    """
    if _REST.fullmatch(repository):
        scheme, rest = repository.split("://", 1)
        return "at", f"{scheme}://{quote(login, safe='')}:{quote(secret, safe='')}@{rest}\n"
    if _S3.fullmatch(repository):
        return "aws", f"[default]\naws_access_key_id = {login}\naws_secret_access_key = {secret}\n"
    raise ValueError("this storage takes no login")
