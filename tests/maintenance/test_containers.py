"""A container runs the new image, or the update is not effective. What the engine's tool answers was captured from podman 4.3."""

import pytest
from django.db.models import F

from maintenance.models import PendingUpdate
from maintenance.parsers.host import Container, parse_root_facts
from maintenance.parsers.values import UnexpectedOutput
from maintenance.services import effects
from maintenance.services.effects import Running
from maintenance.services.waiting import reason_of
from tests import people

OLD, NEW, NEWEST = ("f0daf4105ee0", "d15266697f97", "b8400b747ce4")


def running(*containers, silent=(), read=True):
    return Running(
        stale_packages=() if read else None, stale_units=(), reboot_required=False, reboot_packages=(),
        containers=tuple(Container("podman", name, f"localhost/{name}:1", now, tagged) for name, now, tagged in containers),
        silent_engines=silent,
    )  # fmt: skip


def look(system, *containers, **options):
    effects.note(system, running(*containers, **options), now=people.now())
    return list(PendingUpdate.objects.filter(system=system).order_by("pk").values_list("candidate_version", "ended", "held_up_by"))


def test_facts_name_what_runs():
    text = f"version 4\nengine podman read\ncontainer podman shop localhost/shop:1 {OLD} {NEW}\nengine docker silent\napplication nextcloud 31.0.5.1 /var/www/next cloud\n"
    facts = parse_root_facts(text)
    assert facts.containers == (Container("podman", "shop", "localhost/shop:1", OLD, NEW),)
    assert facts.silent_engines == ("docker",)
    assert facts.applications == (("nextcloud", "31.0.5.1", "/var/www/next cloud"),)
    with pytest.raises(UnexpectedOutput):
        parse_root_facts("version 4\ncontainer podman shop\n")


def test_an_image_that_is_pulled_and_not_run_is_installed_and_not_effective(system):
    assert look(system, ("shop", OLD, OLD), ("gone-tag", OLD, "-")) == []
    ((candidate, ended, why),) = look(system, ("shop", OLD, NEW))
    assert (candidate, ended) == (NEW, "installed")
    assert why == "The container shop still runs the image before: make it anew from localhost/shop:1."
    assert len(look(system, ("shop", OLD, NEW))) == 1
    update = PendingUpdate.objects.select_related("system__client", "decision").get()
    assert reason_of(update, now=people.now()).why == "restart"
    look(system, ("shop", NEW, NEW))
    update.refresh_from_db()
    assert update.effective_at is not None


def test_what_could_not_be_read_is_not_effective(system):
    look(system, ("shop", OLD, NEW))
    assert "could not be read" in look(system, silent=("podman",))[0][2]
    assert "could not be read" in look(system, read=False)[0][2]
    assert not PendingUpdate.objects.filter(effective_at__isnull=False).exists()


def test_a_newer_image_takes_the_place_and_a_container_that_went_owes_nothing(system):
    look(system, ("shop", OLD, NEW))
    assert [row[:2] for row in look(system, ("shop", OLD, NEWEST))] == [(NEW, "superseded"), (NEWEST, "installed")]
    assert look(system)[1][:2] == (NEWEST, "removed")
    assert not PendingUpdate.objects.filter(ended="installed").exists()
    # and one that runs something newer than what was owed
    look(system, ("mail", OLD, NEW))
    assert look(system, ("mail", NEWEST, NEWEST))[-1][:2] == (NEW, "superseded")


def test_it_counts_in_the_promise(system):
    from maintenance.services import promise

    type(system).objects.update(environment="production")
    look(system, ("shop", OLD, NEW))
    PendingUpdate.objects.update(due_at=F("due_at") - (people.now() - people.now().replace(year=2025)))
    assert promise.note_breaches(now=people.now()) == 1
