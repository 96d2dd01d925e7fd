"""Backups that a system's own files describe: proposed as they stand there, and nothing that does not."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.parsers.discovery import Found, find_backups
from backups.parsers.survey import Entry, Place, UnreadableSurvey, parse_survey

CRON = """RESTIC_REPOSITORY=sftp:backup@vault:/web
30 2 * * * root restic --password-file /root/key backup /srv/data /etc --exclude '*.tmp' --exclude /srv/data/cache
0 3 * * 0 root restic --password-file /root/key forget --keep-daily 7 --prune
10 3 * * * postgres pg_dump -U postgres -Fc shop > /var/backups/pg/shop-$(date +\\%F).dump
15 3 * * * root pg_dumpall -f /var/backups/pg/all.sql
20 3 * * * root mysqldump -u root --routines wiki | gzip >/var/backups/my/wiki-`date +\\%u`.sql.gz
40 3 * * * root tar -czf /var/backups/www.tar.gz -C / srv/www && echo done
50 3 * * * root rsync -a --delete /srv/mail/ /mnt/copies/mail/
"""
SCRIPT = """#!/bin/sh
export BORG_REPO=/mnt/borg
export BORG_PASSPHRASE=<0123456789ab>
borg create --compression zstd --exclude '*.cache' ::{now} \\
    /home /var/vmail
borg prune --keep-daily 7
"""
BORGMATIC = """
repositories:
  - path: ssh://u1@box/./web
    label: box
source_directories:
  - /etc
  - /srv
exclude_patterns:
  - '*.pyc'
encryption_passphrase:<0123456789ab>
"""


def entries(text, kind="cron", name="/etc/cron.d/backup"):
    return [Entry(kind, name, "on", text)]


def test_crontabs_and_scripts():
    found = {one.tool: one for one in find_backups(entries(CRON))}
    assert found["restic"].repository == "sftp:backup@vault:/web"
    assert (found["restic"].sources, found["restic"].excludes) == (("/srv/data", "/etc"), ("*.tmp", "/srv/data/cache"))
    assert (found["pg_dump"].repository, found["pg_dump"].databases) == ("/var/backups/pg/shop-*.dump", ("shop",))
    assert found["pg_dumpall"].repository == "/var/backups/pg/all.sql"
    assert found["mysqldump"].databases == ("wiki",)
    assert (found["tar"].repository, found["tar"].sources) == ("/var/backups/www.tar.gz", ("/srv/www",))
    assert (found["rsync"].repository, found["rsync"].sources) == ("/mnt/copies/mail", ("/srv/mail",))
    assert find_backups(entries(SCRIPT, "script", "/usr/local/bin/b")) == [
        Found("borg", "/mnt/borg", ("/home", "/var/vmail"), (), ("*.cache",))
    ]


def test_configurations_of_known_tools():
    borgmatic = BORGMATIC.replace("encryption_passphrase:<0123456789ab>", "encryption_passphrase: <0123456789ab>")
    assert find_backups(entries(borgmatic, "configuration", "/etc/borgmatic/config.yaml")) == [
        Found("borg", "ssh://u1@box/./web", ("/etc", "/srv"), (), ("*.pyc",))
    ]
    old = "location:\n  source_directories: [/etc]\n  repositories: [/mnt/old]\n"
    assert find_backups(entries(old, "configuration", "/etc/borgmatic/config.yaml")) == [Found("borg", "/mnt/old", ("/etc",))]
    auto = "locations:\n  data:\n    from: /srv\n    to: [box]\nbackends:\n  box:\n    type: sftp\n    path: box:/web\n"
    assert find_backups(entries(auto, "configuration", "/root/.autorestic.yml")) == [Found("restic", "sftp:box:/web", ("/srv",))]
    profile = '[default]\nrepository = "local:/mnt/r"\n[data.backup]\nsource = ["/srv", "/etc"]\nexclude = ["*.o"]\n'
    assert find_backups(entries(profile, "configuration", "/etc/resticprofile/profiles.toml")) == [
        Found("restic", "/mnt/r", ("/srv", "/etc"), (), ("*.o",))
    ]
    assert find_backups(entries(": not yaml [", "configuration", "/etc/borgmatic/config.yaml")) == []


def test_what_two_entries_say_of_one_repository_is_one_backup():
    twice = [Entry("cron", "/etc/cron.d/a", "on", "1 2 * * * root restic -r /mnt/r backup /srv"),
             Entry("script", "/root/b", "runs", "restic -r /mnt/r backup /srv /etc")]  # fmt: skip
    (one,) = find_backups(twice)
    assert (one.sources, one.places) == (("/srv", "/etc"), ("/etc/cron.d/a", "/root/b"))


@pytest.mark.parametrize(
    "line",
    [
        "restic backup /srv", "restic -r $SOMEWHERE backup /srv", "restic -r /mnt/r snapshots", "borg create /srv", "tar -xzf /a.tar.gz",
        "rsync -a host:/srv", "pg_dump shop", "echo restic", "pg_dump shop > relative.sql",
    ],
)  # fmt: skip
def test_what_is_not_written_there_is_not_guessed(line):
    assert find_backups(entries(f"1 2 * * * root {line}")) == []


@given(st.text(max_size=300))
def test_no_text_breaks_the_reading(text):
    find_backups(entries(text))
    find_backups(entries(text, "configuration", "/etc/borgmatic/config.yaml"))
    find_backups(entries(text, "configuration", "/root/.autorestic.yml"))
    find_backups(entries(text, "configuration", "/etc/resticprofile/profiles.toml"))


def test_a_survey_is_read_strictly():
    packed = base64.b64encode(b"text").decode()
    answer = (
        f"entry=cron\t/etc/cron.d/a\ton\t{packed}\nentry=timer\tdpkg-db-backup.timer\tenabled active\t{packed}\n"
        "place=folder\t/srv/a\t/srv/a\nplace=folder\t/srv/a\t/srv/a\nend=survey\n"
    )
    survey = parse_survey(answer)
    assert survey.entries == (Entry("cron", "/etc/cron.d/a", "on", "text"),)
    assert survey.places == (Place("folder", "/srv/a", "/srv/a"),)
    for broken in ("", answer.removesuffix("end=survey\n"), f"surprise\n{answer}", "entry=cron\tx\ton\t!\nend=survey"):
        with pytest.raises(UnreadableSurvey):
            parse_survey(broken)
