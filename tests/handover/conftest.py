"""What tests of handover share: a client with something to hand over."""

import base64

import pytest

from handover.models import Package
from handover.parsers.document import AREAS, parse_document
from handover.services import documents, making, packages, receiving, runbooks, walkthroughs
from tests import people

PASSPHRASE = "seven brown geese walk at noon"
ANSWER_HEAD = "clock\t1795730599\nidentity\tsystem\tDebian GNU/Linux 12 (bookworm)\nservice\tnginx.service\tenabled\trunning\t/x\tweb\n"


@pytest.fixture(autouse=True)
def own_folders(settings, tmp_path):
    settings.PACKAGES = str(tmp_path / "packages")
    settings.WALKTHROUGHS = str(tmp_path / "walkthroughs")


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def answer(*lines: str, unread: tuple[str, ...] = ()) -> str:
    """What a host says of itself, with these lines more."""
    read = "".join(f"read\t{area}\n" for area in AREAS if area not in unread)
    return ANSWER_HEAD + "".join(f"{line}\n" for line in lines) + read + "end\n"


TOUR = (
    "clock\t1795730599\nhost\tweb-1\nchapter\tWhat runs\tThe services.\ncommand\tls /etc\noutput\t"
    + b64("hosts\nnginx\n")
    + "\t\nexit\t0\nend\n"
)


def document(system, *lines: str, now=None, unread: tuple[str, ...] = ()):
    """Keep a document of a system as a worker does."""
    known = documents.known_secrets(system.client_id)
    facts, masked = documents.facts_of(parse_document(answer(*lines, unread=unread)), known=known, neighbours=[])
    return documents.keep(system=system, facts=facts, masked=masked, actor=people.TESTER, now=now or people.now())


@pytest.fixture
def handed(system, sample_client, owner):
    """The sample client with a document, runbooks, a walkthrough and a passphrase."""
    document(system)
    runbooks.fill(system=system, actor=people.TESTER, now=people.now())
    walkthroughs.keep_tour(system=system, answer=TOUR, known=[], actor=people.TESTER, now=people.now())
    receiving.choose_passphrase(
        client=sample_client,
        passphrase=PASSPHRASE,
        again=PASSPHRASE,
        forms=["kdbx", "bitwarden"],
        actor=people.actor(owner),
        now=people.now(),
    )
    return sample_client


def made(client, **values) -> Package:
    """A package as a worker makes it."""
    row = packages.ask(client=client, actor=people.TESTER, now=people.now(), **values)
    making.make(package_id=row.pk, now=people.now())
    row.refresh_from_db()
    return row
