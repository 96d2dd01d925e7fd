"""End of life: dates that ship, dates of one's own, and no green beyond them."""

import json
from datetime import date, timedelta

import pytest

from clients.choices import Connection
from maintenance.models import InstalledPackage
from maintenance.queries import end_of_life, system_lines
from tests import people

TODAY = date(2026, 11, 25)


def install(system, name, version="1"):
    InstalledPackage.objects.create(client=system.client, system=system, name=name, architecture="amd64", version=version)


def release(system, os_id, version):
    type(system).objects.filter(pk=system.pk).update(os_id=os_id, os_version=version, os_name=f"{os_id} {version}")
    system.refresh_from_db()
    return system


def lives(system):
    return [(life.product, life.version, life.ends_on, life.level(TODAY)) for life in end_of_life.of_systems([system])]


def test_the_shipped_table_can_be_read_and_names_where_it_is_from():
    assert {product.what for product in end_of_life.table()} == {"os", "package", "application"}
    assert all(product.source and product.cycles for product in end_of_life.table())
    assert end_of_life.notices() == []


@pytest.mark.parametrize(
    ("os_id", "version", "ends", "level"),
    [("debian", "11", date(2026, 8, 31), "bad"), ("debian", "12", date(2028, 6, 30), "ok"), ("ubuntu", "22.04", date(2027, 6, 1), "warn"),
     ("debian", "14", None, "unknown"), ("debian", "", None, "unknown"), ("almalinux", "9.4", date(2032, 5, 31), "ok")],
)  # fmt: skip
def test_releases(system, os_id, version, ends, level):
    ((_, found, ends_on, shown),) = lives(release(system, os_id, version))
    assert (found, ends_on, shown) == (version, ends, level)


def test_a_system_of_which_nothing_is_known_has_no_line_and_an_unknown_distribution_is_not_known(system):
    assert lives(system) == []
    assert lives(release(system, "void", ""))[0][2:] == (None, "unknown")


def test_packages_and_applications(system):
    install(system, "postgresql-13", "13.22-0+deb11u1")
    install(system, "postgresql-client-common", "225")
    install(system, "nodejs", "18.20.4+dfsg-1~deb12u1")
    install(system, "mariadb-server", "1:10.11.14-0+deb12u2")
    install(system, "php9.9-common", "9.9.1")
    people.make_scan(system, applications=[["nextcloud", "30.0.4.1", "/var/www/nextcloud"], ["nextcloud", "-", "/srv/old"]])
    assert lives(system) == [
        ("Nextcloud", "-", None, "unknown"), ("PHP", "9.9", None, "unknown"), ("Node.js", "18", date(2025, 4, 30), "warn"),
        ("Nextcloud", "30", date(2025, 9, 28), "warn"), ("PostgreSQL", "13", date(2025, 11, 13), "warn"),
        ("MariaDB", "10.11", date(2028, 2, 16), "ok"),
    ]  # fmt: skip


def test_the_newest_scan_that_read_applications_counts(system):
    people.make_scan(system, applications=[["nextcloud", "30.0.4", "/var/www/nextcloud"]], finished_at=people.now() - timedelta(days=2))
    people.make_scan(system, applications=[["nextcloud", "32.0.1", "/var/www/nextcloud"]], finished_at=people.now() - timedelta(days=1))
    people.make_scan(system, "failed")
    assert [life[1] for life in lives(system)] == ["32"]


def test_a_release_that_ended_is_never_green(system):
    type(system).objects.update(connection=Connection.OK)
    people.make_scan(system)

    def shown():
        return system_lines(type(system).objects.filter(pk=system.pk), now=people.now())[0].health

    release(system, "debian", "12")
    assert shown().level == "ok"
    release(system, "debian", "10")
    assert (shown().level, shown().words) == ("bad", "Its release gets no updates any more, since 2024-06-30")


def test_ones_own_dates_go_first_and_a_broken_file_is_said(system, settings, tmp_path, operator_page):
    path = tmp_path / "ends.json"
    settings.END_OF_LIFE = str(path)
    release(system, "debian", "11")
    path.write_text(json.dumps({"operating_systems": [{"product": "Debian", "os_id": "debian", "cycles": {"11": "2031-06-30"}}]}))
    assert lives(system) == [("Debian", "11", date(2031, 6, 30), "ok")]
    for broken in (
        "{",
        '{"packages": [{"product": "x", "package": "^x$", "cycles": {}}]}',
        '{"operating_systems": [{"product": "x"}]}',
    ):
        path.write_text(broken)
        end_of_life._parsed.cache_clear()
        assert "can&#x27;t be read" in operator_page.get("/end-of-life/").content.decode()
        assert lives(system) == [("Debian", "11", date(2026, 8, 31), "bad")]
    path.unlink()
    assert "The shipped dates are shown" in end_of_life.notices()[0]


def test_the_page_shows_ones_own_systems(system, operator_page, member_page, outsider_page):
    release(system, "debian", "11")
    install(system, "postgresql-17", "17.1")
    for page in (operator_page, member_page):
        text = page.get("/end-of-life/").content.decode()
        assert "ended 2026-08-31: no fixes any more" in text
        assert "PostgreSQL" not in text
        assert "PostgreSQL" in page.get("/end-of-life/?all=1").content.decode()
        assert "no fixes any more" in page.get(f"/systems/{system.pk}/").content.decode()
    assert system.name not in outsider_page.get("/end-of-life/?all=1").content.decode()


@pytest.mark.parametrize("systems", [1, 9])
def test_the_page_takes_a_fixed_number_of_queries(operator_page, sample_client, systems, django_assert_max_num_queries):
    for _ in range(systems):
        install(release(people.make_system(sample_client), "debian", "11"), "nodejs", "18.1")
    operator_page.get("/end-of-life/")
    with django_assert_max_num_queries(7):
        operator_page.get("/end-of-life/")
