"""The verdict: only what was read and is as it should be is verified."""

import copy

import pytest

from maintenance.choices import Verdict
from maintenance.services.verdict import judge

UNIT = {"active": "active", "sub": "running", "enabled": "enabled", "result": "success", "restarts": 0}
GOOD = {
    "units": {"nginx.service": UNIT}, "listening": ["tcp 0.0.0.0:80 nginx"], "packages": {"nginx:amd64": "2"},
    "answers": {"http://x/": {"ok": True, "message": "status 200"}}, "gaps": [], "flapping": [],
}  # fmt: skip
WANTED = {"nginx:amd64": "2"}


def verdict(*, exit_status=0, audit="", before=None, **after):
    facts = copy.deepcopy(GOOD) | after
    return judge(exit_status=exit_status, audit=audit, before=before or GOOD, after=facts, wanted=WANTED)


def test_as_it_should_be_is_verified():
    assert verdict().verdict == Verdict.VERIFIED


@pytest.mark.parametrize(
    "changed",
    [
        {"exit_status": 100}, {"exit_status": 1}, {"exit_status": 65}, {"exit_status": 67}, {"audit": "nginx half configured"},
        {"packages": {"nginx:amd64": "1"}}, {"packages": {}}, {"packages": None},
    ],
)  # fmt: skip
def test_what_did_not_arrive_is_failed(changed):
    assert verdict(**changed).verdict == Verdict.FAILED


@pytest.mark.parametrize(
    "changed",
    [
        {"units": {"nginx.service": UNIT | {"active": "failed", "sub": "failed"}}},
        {"units": {"nginx.service": UNIT | {"active": "inactive", "sub": "dead"}}},
        {"units": {"nginx.service": UNIT | {"active": "activating", "sub": "auto-restart"}}},
        {"units": {"other.service": UNIT}},
        {"listening": []},
        {"answers": {"http://x/": {"ok": False, "message": "status 502"}}},
        {"answers": {}},
        {"flapping": ["nginx.service"]},
        {"units": {"nginx.service": UNIT, "new.service": UNIT | {"active": "failed", "sub": "failed"}}},
    ],
)
def test_what_worked_before_and_does_not_now_is_regressed(changed):
    assert verdict(**changed).verdict == Verdict.REGRESSED


@pytest.mark.parametrize("moment", ["before", "after"])
def test_what_was_not_read_is_unknown_not_verified(moment):
    gap = copy.deepcopy(GOOD) | {"gaps": ["units: no answer"], "units": None}
    judged = verdict(before=gap) if moment == "before" else verdict(**gap)
    assert judged.verdict == Verdict.UNKNOWN


def test_what_was_broken_before_is_not_blamed_on_the_update():
    before = copy.deepcopy(GOOD)
    before["units"]["nginx.service"] = UNIT | {"active": "failed", "sub": "failed"}
    after = {"units": {"nginx.service": UNIT | {"active": "failed", "sub": "failed"}}}
    assert verdict(before=before, **after).verdict == Verdict.VERIFIED


def test_an_address_that_answered_neither_before_nor_after_is_unknown_not_verified():
    broken = {"answers": {"http://x/": {"ok": False, "message": "status 502"}}}
    judged = verdict(before=copy.deepcopy(GOOD) | broken, **broken)
    assert judged.verdict == Verdict.UNKNOWN
    assert "did not before" in judged.findings[0]
    # mended meanwhile: known, and fine
    assert verdict(before=copy.deepcopy(GOOD) | broken).verdict == Verdict.VERIFIED
