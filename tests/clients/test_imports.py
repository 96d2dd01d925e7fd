"""Imports: the plan says what will happen row by row, and carrying it out does just that."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.errors import BadImport
from clients.models import System
from clients.parsers import ansible, tables
from clients.parsers.values import UnreadableText
from clients.services import imports
from tests import people

INI = """
# the fleet
[webservers]
web[01:02].example ansible_user=deploy
shop ansible_host=192.0.2.7 ansible_port=2222   ; a comment
bad ansible_port=99999
[staging]
stage.example
[production:children]
webservers
[all:vars]
ansible_user=ignored
"""
YAML = """
all:
  children:
    dbservers:
      hosts:
        db1.example: {ansible_host: 192.0.2.9, ansible_port: 2200}
    staging: {hosts: {db-stage.example: null}}
"""
SSH = """
Host shop web*
  HostName 192.0.2.7
  User deploy
Host inner
  ProxyJump shop
Host *
  Port 2222
"""
CSV = "name;address;port;environment;roles\nshop;192.0.2.7;2222;staging;web, mail\n;192.0.2.8;;;\nodd;192.0.2.10;abc;;\n"


def plan(client, source, text, environment="production"):
    rows = imports.plan_import(client=client, source=source, text=text, environment=environment, actor=people.TESTER)
    return {row.name: row for row in rows}


def test_ansible_ini(sample_client):
    rows = plan(sample_client, "ansible-ini", INI)
    assert [rows[name].outcome for name in ("web01.example", "web02.example", "shop", "bad", "stage.example")] == [
        "add", "add", "add", "error", "add",
    ]  # fmt: skip
    assert (rows["shop"].address, rows["shop"].port, rows["shop"].environment, rows["shop"].roles) == (
        "192.0.2.7", 2222, "production", ("web",),
    )  # fmt: skip
    assert rows["stage.example"].environment == "staging"
    assert rows["web01.example"].login == "deploy"
    assert "99999" in rows["bad"].message


def test_ansible_yaml_ssh_config_and_csv(sample_client):
    rows = plan(sample_client, "ansible-yaml", YAML)
    assert (rows["db1.example"].address, rows["db1.example"].port, rows["db1.example"].roles) == ("192.0.2.9", 2200, ("database",))
    assert rows["db-stage.example"].environment == "staging"
    rows = plan(sample_client, "ssh-config", SSH)
    assert (rows["shop"].address, rows["shop"].port, rows["shop"].login) == ("192.0.2.7", 2222, "deploy")
    assert rows["inner"].outcome == "error"
    rows = plan(sample_client, "csv", CSV)
    assert (rows["shop"].environment, rows["shop"].roles) == ("staging", ("web", "mail"))
    assert (rows["?"].outcome, rows["odd"].outcome) == ("error", "error")


def test_the_plan_writes_nothing_and_carrying_out_twice_adds_once(sample_client):
    before = System.objects.count()
    plan(sample_client, "ansible-ini", INI)
    assert System.objects.count() == before
    for expected in (4, 0):
        _, added = imports.apply_import(
            client=sample_client, source="ansible-ini", text=INI, environment="production", actor=people.TESTER, now=people.now()
        )
        assert len(added) == expected
    assert plan(sample_client, "ansible-ini", INI)["shop"].outcome == "known"


def test_another_clients_system_is_an_error_that_does_not_name_them(sample_client):
    theirs = people.make_client("Secret Client")
    people.make_system(theirs, name="hidden", address="192.0.2.7", port=2222)
    row = plan(sample_client, "csv", "name,address,port\nshop,192.0.2.7,2222\n")["shop"]
    assert row.outcome == "error"
    assert "Secret" not in row.message
    assert "hidden" not in row.message


@pytest.mark.parametrize("source", list(imports.PARSERS))
def test_what_is_not_of_the_format_is_said(sample_client, source):
    with pytest.raises(BadImport):
        plan(sample_client, source, "")


@pytest.mark.parametrize("parser", [ansible.parse_ini, ansible.parse_yaml, tables.parse_ssh_config, tables.parse_csv])
@given(text=st.text(max_size=300))
def test_any_text_is_rows_or_a_sentence(parser, text):
    with contextlib.suppress(UnreadableText):
        parser(text)
