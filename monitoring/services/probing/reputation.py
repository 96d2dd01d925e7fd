"""Whether mail of a domain arrives: blocklists, and the records that say who may send."""

import ipaddress
from collections.abc import Sequence

import httpx
from django.conf import settings

from monitoring.choices import Level
from monitoring.parsers import blocklists, mail_records
from monitoring.parsers.mail_records import Judged
from monitoring.services.probing.dns import lookup
from monitoring.services.probing.question import Question, Unanswered
from monitoring.services.rules import Observation, level_of
from portal import outbound


def ask_blocklists(question: Question) -> list[Observation]:
    """Each list for itself: one that can't be believed is unknown, never "listed", and never "not listed"."""
    zones = settings.BLOCKLISTS_V6 if ":" in question.target else settings.BLOCKLISTS
    return [_blocklist(question, zone) for zone in zones]


def _blocklist(question: Question, zone: str) -> Observation:
    subject = f"{question.target} in {zone}"
    must, must_not = blocklists.tests_of(question.target)
    try:
        listing = blocklists.judge(
            codes=lookup(blocklists.name_in(question.target, zone), "A"),
            must=lookup(blocklists.name_in(must, zone), "A"), must_not=lookup(blocklists.name_in(must_not, zone), "A"),
        )  # fmt: skip
    except Unanswered as error:
        return question.said(Level.UNKNOWN, f"It did not answer: {error}", subject=subject)
    level = {True: Level.CRITICAL, False: Level.UP, None: Level.UNKNOWN}[listing.listed]
    return question.said(level, listing.words, subject=subject)


def ask_spf(question: Question) -> list[Observation]:
    """A policy as a whole, and whether it lets each sending address in."""
    policy = mail_records.read_spf(question.target, lookup)
    refused = [
        f"{address} gets {result}"
        for address in question.options.get("addresses", [])
        if (result := policy.result(ipaddress.ip_address(address))) != "pass"
    ]
    if policy.problems or refused:
        return [question.said(Level.CRITICAL, " ".join([*policy.problems, *refused]), float(policy.lookups))]
    words = " ".join([f"{policy.lookups} lookups of 10.", *policy.weak])
    level = level_of(question.kind, question.target, policy.lookups, question.own)
    return [question.said(Level.WARNING if policy.weak and level == Level.UP else level, words, float(policy.lookups))]


def ask_dkim(question: Question) -> list[Observation]:
    """The key of a selector: `selector` in the options."""
    judged = mail_records.judge_dkim(lookup(f"{question.options['selector']}._domainkey.{question.target.rpartition(' ')[2]}", "TXT"))
    if judged.value is not None and not judged.problem and not judged.weak:
        # below its number it is weak or broken: 2048 bits are in order, so the marks lie just under them
        level = Level.CRITICAL if judged.value < 1024 else Level.WARNING if judged.value < 2048 else Level.UP
        return [question.said(level, judged.words, judged.value)]
    return [_of(question, judged)]


def ask_dmarc(question: Question) -> list[Observation]:
    """The policy of the domain."""
    return [_of(question, mail_records.judge_dmarc(lookup(f"_dmarc.{question.target}", "TXT")))]


def ask_tls_rpt(question: Question) -> list[Observation]:
    """Where receivers report what failed."""
    return [_of(question, mail_records.judge_tls_rpt(lookup(f"_smtp._tls.{question.target}", "TXT")))]


def ask_mta_sts(question: Question) -> list[Observation]:
    """The policy at its well-known address, held against the mail servers."""
    records, servers = lookup(f"_mta-sts.{question.target}", "TXT"), _servers(question.target)
    address = f"https://mta-sts.{question.target}/.well-known/mta-sts.txt"
    try:
        answer = outbound.get(address, allowed=question.allowed)
    except outbound.Refused as error:
        raise Unanswered(str(error)) from error
    except httpx.HTTPError as error:
        return [question.said(Level.CRITICAL, f"The policy is not to be had: {error or type(error).__name__}")]
    if answer.status_code != 200:
        return [question.said(Level.CRITICAL, f"The policy is not to be had: status {answer.status_code}.")]
    return [_of(question, mail_records.judge_mta_sts(records, answer.text, servers))]


def _servers(domain: str) -> Sequence[str]:
    return [row.split()[-1] for row in lookup(domain, "MX")]


def _of(question: Question, judged: Judged) -> Observation:
    level = Level.CRITICAL if judged.problem else Level.WARNING if judged.weak else Level.UP
    return question.said(level, " ".join(filter(None, [judged.problem, judged.weak, judged.words])), judged.value)
