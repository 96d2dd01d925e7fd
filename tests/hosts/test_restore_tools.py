"""Restore tests of every tool with the real thing: proven where it is good, and each way to be bad has its own verdict."""

from contextlib import contextmanager
from datetime import timedelta

import pytest

from backups.choices import Purpose
from backups.models import RestoreTest
from backups.services import jobs, restore_tests
from tests import people
from tests.hosts.conftest import set_up
from tests.hosts.test_restore_tests import nothing_left, prove

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def system(machine):
    return set_up(machine)


def add(system, name, tool, repository, **values):
    wish = jobs.Wish(name=name, tool=tool, repository=repository, **values)
    return jobs.add(system=system, wish=wish, actor=people.TESTER, now=people.now())


def verdict(job, *words) -> RestoreTest:
    """The verdict with its cause, and each of the words somewhere in what it says."""
    test = prove(job)
    for sentence in words:
        assert any(sentence in finding for finding in test.findings), (sentence, test.findings, test.log[-3000:])
    return test


def came(test) -> tuple[str, str]:
    return test.verdict, test.cause


@contextmanager
def undone(machine, place: str):
    """What is done to a file or folder is taken back afterwards."""
    machine.run(f"rm -rf /root/kept && cp -a {place} /root/kept")
    yield
    machine.run(f"rm -rf {place} && mv /root/kept {place}")


@contextmanager
def watched(machine, secret: str):
    """Every process's arguments and environment, looked at over and over: the secret is in none of them."""
    machine.write("/root/pattern", secret)
    loop = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -aF -f /root/pattern >>/root/seen"
    machine.write("/root/watch", f"#!/bin/sh\nwhile [ ! -e /root/stop ]; do {loop}; done\n", mode="755")
    machine.run(": >/root/seen; setsid /root/watch >/dev/null 2>&1 &")
    yield
    assert machine.run("cat /root/seen") == ""
    # and it would have seen one
    machine.run("SEEN=$(cat /root/pattern) sh -c 'until grep -q . /root/seen; do :; done'; touch /root/stop")


PASSPHRASE = "the passphrase of this borg repository"
BORG = f"export BORG_PASSPHRASE='{PASSPHRASE}' BORG_BASE_DIR=$(mktemp -d) LC_ALL=C;"
FILES = """
mkdir -p /srv/data/deep /srv/more && cd /srv/data
for n in 1 2 3 4 5; do head -c 70000 /dev/urandom >file$n; done; ln file1 deep/the-same
: >empty; echo 'ümläut' >'näme with blanks'; head -c 900000 /dev/urandom >deep/large; echo more >/srv/more/one
find /srv/data /srv/more -exec touch -d '1 hour ago' {} +
"""


def test_borg(system, machine):
    machine.run(FILES)
    machine.run(f"{BORG} borg init -e repokey /srv/borg && borg create /srv/borg::one /srv/data /srv/more")
    job = add(system, "files", "borg", "/srv/borg", sources=["/srv/data", "/srv/more"], key=PASSPHRASE, read_parts=1)
    with watched(machine, PASSPHRASE):
        good = prove(job)
    assert came(good) == ("pass", ""), (good.findings, good.log[-3000:])
    assert dict(good.facts)["read"] == "1/1 sound"
    assert (good.restored_files, job.proof) == (10, good)
    assert PASSPHRASE not in good.log + str(good.facts) + str(good.commands) + str(good.specification)
    segment = "$(find /srv/borg/data -type f -size +60k | sort | head -n 1)"
    with undone(machine, "/srv/borg"):
        machine.run(f"printf '\\377\\000\\377' | dd of={segment} bs=1 seek=30000 conv=notrunc status=none")
        assert came(verdict(job, "damaged or missing")) == ("fail", "corruption")
    with undone(machine, "/srv/borg"):
        machine.run(f"rm {segment}")
        assert came(verdict(job, "damaged or missing")) == ("fail", "corruption")
    with undone(machine, "/srv/borg"):
        machine.run(f"{BORG} borg create /srv/borg::two /srv/data")
        assert came(verdict(job, "Nothing of /srv/more came back")) == ("fail", "coverage")
    with undone(machine, "/srv/borg"):
        # a lock that a killed backup left is a note: it only reads, and never unlocks
        machine.run("mkdir /srv/borg/lock.exclusive && : >/srv/borg/lock.exclusive/gone@1.1-0")
        assert came(verdict(job, "lock lies in the repository")) == ("notes", "")
        machine.run("test -d /srv/borg/lock.exclusive")
    with undone(machine, "/srv/borg"):
        when = (people.now() - timedelta(days=4)).strftime("%Y-%m-%dT%H:%M:%S")
        machine.run(f"{BORG} borg delete /srv/borg::one && TZ=UTC borg create --timestamp {when} /srv/borg::old /srv/data /srv/more")
        assert came(verdict(job, "4 days old; promised are 26 hours")) == ("fail", "stale")
    with undone(machine, "/srv/borg"):
        machine.run(f"{BORG} borg delete /srv/borg::one && borg create /srv/borg::nothing /root/.ssh-not-there || true")
        machine.run(f"{BORG} borg delete /srv/borg::nothing || true")
        assert came(verdict(job, "There is no snapshot")) == ("fail", "coverage")
    wrong = add(system, "wrong", "borg", "/srv/borg", sources=["/srv/data"], key="not the passphrase")
    assert came(verdict(wrong, "does not open")) == ("fail", "key")
    nowhere = add(system, "nowhere", "borg", "/srv/elsewhere", sources=["/srv/data"], key=PASSPHRASE)
    assert came(verdict(nowhere, "no repository where")) == ("fail", "repository")
    nothing_left(machine)


def test_borg_in_keyfile_mode_needs_what_is_kept_for_handover_and_no_more(system, machine):
    """The host has lost its own key: the passphrase alone opens nothing, the exported key with it does."""
    machine.run(FILES)
    machine.run(
        f"{BORG} borg init -e keyfile /srv/borg && borg create /srv/borg::one /srv/data && borg key export /srv/borg /root/export"
    )
    exported = machine.run("cat /root/export")
    machine.run("rm -rf /root/.config/borg /root/.cache/borg /root/export")
    without = add(system, "without", "borg", "/srv/borg", sources=["/srv/data"], key=PASSPHRASE)
    assert came(verdict(without)) == ("fail", "key")
    job = add(system, "with", "borg", "/srv/borg", sources=["/srv/data"], key=PASSPHRASE, key_export=exported)
    drill = restore_tests.request(job=job, purpose=Purpose.DRILL, actor=people.TESTER, now=people.now())
    restore_tests.execute(test_id=drill.pk, now=people.now())
    drill.refresh_from_db()
    assert came(drill) == ("pass", ""), (drill.findings, drill.log[-3000:])
    nothing_left(machine)


SHOP = """
pg_createcluster 15 main --start >/dev/null
cd /tmp && runuser -u postgres -- createuser shop && runuser -u postgres -- createdb -O shop shop
runuser -u postgres -- psql -q shop -c "
  CREATE TABLE orders (id serial PRIMARY KEY, at timestamptz DEFAULT now(), name text);
  INSERT INTO orders (name) SELECT md5(n::text) FROM generate_series(1, 20000) n;
  CREATE TABLE items (id int PRIMARY KEY, order_id int REFERENCES orders); INSERT INTO items SELECT n, n FROM generate_series(1, 5000) n;
  CREATE TABLE sessions (id int); INSERT INTO sessions VALUES (1); ALTER TABLE orders OWNER TO shop"
mkdir -p /var/backups/pg
"""
PG = "cd /tmp && runuser -u postgres --"


def test_postgresql(system, machine):
    machine.run(SHOP)
    dump = "/var/backups/pg/shop-1.dump"
    machine.run(f"{PG} pg_dump -Fc --exclude-table-data=sessions shop >{dump}; touch -d '3 minutes' {dump}")
    queries = ["SELECT count(*) FROM orders => at least 20000", "SELECT max(at) FROM orders => within 2 hours"]
    job = add(system, "shop", "pg_dump", "/var/backups/pg/shop-*.dump", databases=["shop"], excludes=["sessions"], queries=queries)
    good = prove(job)
    assert came(good) == ("pass", ""), (good.findings, good.log[-3000:])
    assert good.findings == ["3 tables with 25000 rows loaded, 2 indexes checked, 2 queries answered as expected."]
    assert machine.run("pgrep -u nobody postgres || true") == ""
    # a table that lives is not in the dump, and was there long before it
    machine.run(f"cp {dump} /root/whole; {PG} pg_dump -Fc -T items shop >{dump}; touch -d '3 minutes' {dump}")
    assert came(verdict(job, "1 tables that live are not in the dump: shop.public.items")) == ("fail", "coverage")
    machine.run(f"{PG} pg_dump -Fc --exclude-table-data=items shop >{dump}; touch -d '3 minutes' {dump}")
    assert came(verdict(job, "came back empty and have rows where they live: shop.public.items")) == ("fail", "coverage")
    machine.run(f"head -c $(($(stat -c %s /root/whole) / 2)) /root/whole >{dump}; touch -d '3 minutes' {dump}")
    assert came(verdict(job, "damaged or missing")) == ("fail", "corruption")
    machine.run(
        f"cp /root/whole {dump}; printf '\\377\\000\\377' | dd of={dump} bs=1 seek=200000 conv=notrunc status=none; touch -d '3 minutes' {dump}"
    )
    assert came(verdict(job))[0] == "fail"
    # the schedule stopped four days ago
    machine.run(f"cp /root/whole {dump}; touch -d '4 days ago' {dump}")
    assert came(verdict(job, "4 days old; promised are 26 hours")) == ("fail", "stale")
    machine.run(f"rm {dump}")
    assert came(verdict(job, "There is no snapshot")) == ("fail", "coverage")
    # the directory format: a folder for each dump
    machine.run(f"{PG} pg_dump -Fd -f /tmp/shop shop; mv /tmp/shop {dump}; touch -d '3 minutes' {dump}")
    good = verdict(job, "3 tables with 25001 rows loaded")
    assert came(good) == ("pass", ""), (good.findings, good.log[-3000:])
    largest = f"$(ls -S {dump}/*.dat.gz | head -n 1)"
    machine.run(f"truncate -s 20000 {largest}; touch -d '3 minutes' {dump}")
    assert came(verdict(job, "damaged or missing")) == ("fail", "corruption")
    machine.run(f"rm -r {dump}")
    asked = add(system, "asked", "pg_dump", "/root/whole", databases=["shop"], excludes=["sessions"], queries=[
        "SELECT count(*) FROM orders => at most 5", "SELECT pg_read_file('/etc/passwd') => exactly x",
    ])  # fmt: skip
    test = verdict(asked, "answered 20000; expected at most 5", "permission denied")
    assert came(test) == ("fail", "mismatch")
    nothing_left(machine)
    # the live server never noticed
    assert machine.run(f"{PG} psql -Atc 'SELECT count(*) FROM orders' shop").strip() == "20000"


def test_plain_dumps_of_postgresql(system, machine):
    machine.run(SHOP)
    dump = "/var/backups/pg/shop-1.sql.gz"
    machine.run(f"{PG} pg_dump shop | gzip >{dump}; {PG} pg_dumpall >/var/backups/pg/all-1.sql; touch -d '3 minutes' /var/backups/pg/*")
    job = add(system, "shop", "pg_dump", "/var/backups/pg/shop-*.sql.gz", databases=["shop"])
    assert came(verdict(job, "needs roles that it does not bring (shop)")) == ("pass", "")
    everything = add(system, "all", "pg_dumpall", "/var/backups/pg/all-*.sql", databases=["shop"])
    assert came(verdict(everything, "3 tables with 25001 rows")) == ("pass", "")
    # cut in the middle, where psql itself says nothing: exit status 0 and 18,000 rows
    machine.run(
        f"gzip -dc {dump} >/root/whole; head -c $(($(stat -c %s /root/whole) / 2)) /root/whole | gzip >{dump}; touch -d '3 minutes' {dump}"
    )
    assert came(verdict(job, "does not go to its end")) == ("fail", "corruption")
    machine.run(f"gzip -c /root/whole | head -c 200000 >{dump}; touch -d '3 minutes' {dump}")
    assert came(verdict(job, "damaged or missing")) == ("fail", "corruption")
    # what it needs is not here: that says nothing about the dump
    machine.run(
        f"sed 's/^CREATE TABLE public.orders/CREATE EXTENSION postgis;\\n&/' /root/whole | gzip >{dump}; touch -d '3 minutes' {dump}"
    )
    assert came(verdict(job, "needs something that this host's server lacks")) == ("inconclusive", "tool")
    machine.run(
        f"sed 's/^CREATE TABLE public.orders/CREATE TABLE nowhere.orders/' /root/whole | gzip >{dump}; touch -d '3 minutes' {dump}"
    )
    assert came(verdict(job, "does not load")) == ("fail", "load")
    # a dump is a program: it is nobody's here, without a network
    evil = "\\\\! id -un >/tmp/who; touch /root/evil /var/lib/postgresql/evil; getent hosts 10.77.0.1; (echo >/dev/tcp/10.77.0.1/22) && touch /tmp/out"
    machine.run(f"{{ echo '{evil}'; cat /root/whole; }} | gzip >{dump}; touch -d '3 minutes' {dump}")
    verdict(job)
    assert machine.run("cat /tmp/who; ls /root/evil /var/lib/postgresql/evil /tmp/out 2>/dev/null || true").strip() == "nobody"
    machine.run("mv /usr/lib/postgresql/15/bin/initdb /root/")
    assert came(verdict(job, "no database server")) == ("inconclusive", "tool")
    nothing_left(machine)


WIKI = """
systemctl start mariadb
mariadb -e "CREATE DATABASE wiki; USE wiki; CREATE TABLE page (id INT PRIMARY KEY AUTO_INCREMENT, t TEXT);
  INSERT INTO page (t) SELECT MD5(seq) FROM seq_1_to_5000; CREATE TABLE link (id INT); INSERT INTO link VALUES (1);
  CREATE PROCEDURE tidy() SELECT 1"
mkdir -p /var/backups/my
"""


def test_mariadb(system, machine):
    machine.run(WIKI)
    dump = "/var/backups/my/wiki-1.sql"
    later = f"touch -d '3 minutes' {dump}"
    machine.run(f"mysqldump --routines wiki >{dump}; cp {dump} /root/whole; {later}")
    job = add(
        system,
        "wiki",
        "mysqldump",
        "/var/backups/my/wiki-*.sql",
        databases=["wiki"],
        queries=["SELECT count(*) FROM page => exactly 5000"],
    )
    good = prove(job)
    assert came(good) == ("pass", ""), (good.findings, good.log[-3000:])
    assert machine.run("pgrep -u nobody mariadbd || true") == ""
    machine.run(f"mysqldump wiki >{dump}; {later}")
    assert came(verdict(job, "0 of 1 routines are in the dump")) == ("fail", "coverage")
    machine.run(f"mysqldump --routines --ignore-table=wiki.link wiki >{dump}; {later}")
    assert came(verdict(job, "1 tables that live are not in the dump: wiki.link")) == ("fail", "coverage")
    machine.run(f"head -c $(($(stat -c %s /root/whole) / 2)) /root/whole >{dump}; {later}")
    assert came(verdict(job, "does not go to its end")) == ("fail", "corruption")
    machine.run(f"sed 's/^CREATE TABLE `link`/CREATE TABLE `page`/' /root/whole >{dump}; {later}")
    assert came(verdict(job, "does not load")) == ("fail", "load")
    nothing_left(machine)
    assert machine.run("mariadb -N -e 'SELECT COUNT(*) FROM wiki.page'").strip() == "5000"


def test_archives_and_copies(system, machine):
    machine.run(FILES)
    machine.run("mkdir -p /var/backups/www /var/backups/copies && tar -czf /var/backups/www/1.tar.gz -C / srv/data srv/more")
    machine.run("rsync -aH /srv/data /srv/more /var/backups/copies/now/ && cp /var/backups/www/1.tar.gz /root/whole")
    sources = ["/srv/data", "/srv/more"]
    archive = add(system, "archive", "tar", "/var/backups/www/*.tar.gz", sources=sources)
    copy = add(system, "copy", "rsync", "/var/backups/copies/now", sources=sources, archive_root="/srv")
    for job in (archive, copy):
        good = prove(job)
        assert came(good) == ("pass", ""), (good.findings, good.log[-3000:])
        assert good.restored_files == 10
    machine.run("head -c 700000 /root/whole >/var/backups/www/1.tar.gz")
    assert came(verdict(archive, "damaged or missing")) == ("fail", "corruption")
    # tar goes on over a file that it can't read, and an archive is there all the same
    machine.run("tar -czf /var/backups/www/1.tar.gz -C / srv/data/deep srv/more; touch -d '3 minutes' /var/backups/www/1.tar.gz")
    assert came(verdict(archive, "did not come back: /srv/data/empty")) == ("fail", "coverage")
    machine.run("tar -czf /var/backups/www/1.tar.gz -C / srv/more; touch -d '3 minutes' /var/backups/www/1.tar.gz")
    assert came(verdict(archive, "Nothing of /srv/data came back")) == ("fail", "coverage")
    machine.run(
        "printf X | dd of=/var/backups/copies/now/data/file2 bs=1 conv=notrunc status=none; touch -r /srv/data/file2 /var/backups/copies/now/data/file2"
    )
    assert came(verdict(copy, "/srv/data/file2")) == ("fail", "mismatch")
    machine.run("rm -rf /var/backups/copies/now/data")
    assert came(verdict(copy, "Nothing of /srv/data came back")) == ("fail", "coverage")
    machine.run("mv /var/backups/copies /root/")
    assert came(verdict(copy, "no repository where")) == ("fail", "repository")
    nothing_left(machine)


CLOUD = """
systemctl start mariadb
mkdir -p /srv/cloud/config /srv/files/anna/files/deep /srv/files/ben/files
cat >/srv/cloud/config/config.php <<'X'
<?php
$CONFIG = array (
  'instanceid' => 'oc1',
  'passwordsalt' => 'salt',
  'secret' => 'very secret',
  'datadirectory' => '/srv/files',
  'dbtableprefix' => 'oc_',
);
X
mariadb -e "CREATE DATABASE cloud; USE cloud; CREATE TABLE oc_storages (numeric_id INT PRIMARY KEY, id VARCHAR(64));
  CREATE TABLE oc_mimetypes (id INT PRIMARY KEY, mimetype VARCHAR(64)); CREATE TABLE oc_filecache (fileid INT PRIMARY KEY AUTO_INCREMENT,
  storage INT, path VARCHAR(400), size BIGINT, mimetype INT); INSERT INTO oc_storages VALUES (1, 'home::anna'), (2, 'home::ben');
  INSERT INTO oc_mimetypes VALUES (1, 'httpd/unix-directory'), (2, 'text/plain');
  INSERT INTO oc_filecache (storage, path, size, mimetype) VALUES (1, 'files', -1, 1), (2, 'files/letter', 7, 2)"
echo letter >/srv/files/ben/files/letter
for n in 1 2 3 4 5; do
    head -c ${n}000 /dev/urandom >/srv/files/anna/files/deep/photo$n
    mariadb cloud -e "INSERT INTO oc_filecache (storage, path, size, mimetype) VALUES (1, 'files/deep/photo$n', ${n}000, 2)"
done
find /srv/cloud /srv/files -exec touch -d '1 hour ago' {} +
mkdir -p /var/backups/cloud && mysqldump cloud >/var/backups/cloud/db-1.sql && tar -cf /var/backups/cloud/files-1.tar -C / srv/cloud srv/files
touch -d '3 minutes ago' /var/backups/cloud/*
"""


def test_an_application_is_proven_with_its_database_or_not_at_all(system, machine):
    machine.run(CLOUD)
    files = add(system, "files", "tar", "/var/backups/cloud/files-*.tar", sources=["/srv/cloud", "/srv/files"])
    database = add(system, "database", "mysqldump", "/var/backups/cloud/db-*.sql", databases=["cloud"])
    cloud = jobs.add_composite(name="cloud", parts=[files, database], application="nextcloud", actor=people.TESTER, now=people.now())
    good = prove(cloud)
    assert came(good) == ("pass", ""), (good.findings, good.log[-3000:])
    assert good.findings[-1] == "6 of its rows have their file."
    assert "very secret" not in good.log + str(good.facts)
    # its code, by the sums that its maker signed: as they are, patched where it lives, and damaged on the way
    machine.run(
        "cd /srv/cloud && mkdir -p core lib && echo code >core/one.php && echo more >lib/two.php && : >.htaccess && "
        'printf \'{\\n "hashes": {\\n  "core\\\\/one.php": "%s",\\n  "lib\\\\/two.php": "%s",\\n  ".htaccess": "%s"\\n },\\n "signature": "x"\\n}\' '
        "$(sha512sum <core/one.php | cut -c 1-128) $(sha512sum <lib/two.php | cut -c 1-128) $(printf %0128d 0) >core/signature.json"
    )
    pack = (
        "find /srv/cloud /srv/files -exec touch -d '1 hour ago' {} +; tar -cf /var/backups/cloud/files-1.tar -C / srv/cloud srv/files; "
        "touch -d '3 minutes ago' /var/backups/cloud/files-1.tar"
    )
    machine.run(pack)
    assert came(verdict(cloud, "2 files of its code are as their maker signed them")) == ("pass", "")
    machine.run(f"echo patched >>/srv/cloud/lib/two.php; {pack}")
    assert came(verdict(cloud, "1 files of its code are not as their maker signed them, nor where they live")) == ("notes", "")
    machine.run(f"echo damaged >/srv/cloud/core/one.php; {pack}; echo code >/srv/cloud/core/one.php")
    test = verdict(cloud, "neither as their maker signed them nor as they live here: core/one.php")
    assert came(test) == ("fail", "mismatch")
    machine.run(f"echo more >/srv/cloud/lib/two.php; {pack}")
    good = prove(cloud)
    # each is good, and they are of different days
    machine.run("touch -d '1 day ago' /var/backups/cloud/db-1.sql")
    assert came(verdict(cloud, "The parts are 24 hours apart; they count together only within 15 minutes.")) == ("fail", "mismatch")
    machine.run("touch -d '3 minutes ago' /var/backups/cloud/db-1.sql; cp /var/backups/cloud/files-1.tar /root/")
    # a file of the database is not in the archive, and another one is not in the database
    machine.run(
        "echo new >/srv/files/ben/files/new; rm /srv/files/anna/files/deep/photo3; touch -d '1 hour ago' /srv/files/ben/files/new; "
        "tar -cf /var/backups/cloud/files-1.tar -C / srv/cloud srv/files; touch -d '3 minutes ago' /var/backups/cloud/files-1.tar"
    )
    test = verdict(cloud, "have no file of that size: anna/files/deep/photo3", "have no row in the database: ben/files/new")
    assert came(test) == ("fail", "mismatch")
    machine.run(
        "head -c 3000 /var/backups/cloud/db-1.sql >/root/cut; cp /root/cut /var/backups/cloud/db-1.sql; touch -d '3 minutes ago' /var/backups/cloud/db-1.sql"
    )
    assert came(verdict(cloud, "database: Restoring failed")) == ("fail", "corruption")
    assert cloud.proof == good
    nothing_left(machine)


def test_canaries_are_left_and_expected_back(system, machine):
    machine.run(FILES)
    tar = "tar -czf /var/backups/1.tar.gz -C / srv/data srv/more"
    machine.run(tar)
    job = add(system, "files", "tar", "/var/backups/*.tar.gz", sources=["/srv/data", "/srv/more"], canaries=True)
    first = prove(job)
    assert came(first) == ("pass", ""), first.findings
    assert machine.run("stat -c %a /srv/data/.retainer-canary /srv/more/.retainer-canary").split() == ["644", "644"]
    machine.run(f"{tar}; touch -d '3 minutes' /var/backups/1.tar.gz")
    assert came(verdict(job, "12 files came back whole, 2 canaries among them")) == ("pass", "")
    # a backup that goes on copying what lay there long ago
    machine.run(
        "mkdir /root/old && cp -a /srv/data /srv/more /root/old/ && rm /root/old/data/.retainer-canary && tar -czf /var/backups/1.tar.gz "
        "--transform 's!^!srv/!' -C /root/old data more; touch -d '6 minutes' /var/backups/1.tar.gz"
    )
    assert came(verdict(job, "The canary /srv/data/.retainer-canary", "did not come back")) == ("fail", "coverage")
    nothing_left(machine)


def test_a_backup_is_restored_on_a_host_of_its_own(machines):
    source, other = machines(2)
    client = people.make_client()
    system, elsewhere = set_up(source, client=client), set_up(other, client=client)
    other.run("mkdir -p /srv/copy && echo one >/srv/copy/one && tar -czf /srv/backup.tar.gz -C / srv/copy")
    wish = jobs.Wish(name="files", tool="tar", repository="/srv/backup.tar.gz", sources=["/srv/copy"])
    job = jobs.add(system=system, restore_on=elsewhere, wish=wish, actor=people.TESTER, now=people.now())
    test = verdict(job, "Restored away from the system")
    assert (came(test), test.system) == (("notes", ""), elsewhere)
    nothing_left(other)
    source.run("test ! -e /var/lib/retainer/scratch")
