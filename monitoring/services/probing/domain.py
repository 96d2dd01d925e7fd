"""Registrations of domains."""

import httpx
from django.conf import settings

from monitoring.choices import Level
from monitoring.parsers.rdap import parse_rdap
from monitoring.services.probing.question import TIMEOUT_S, Question, Unanswered
from monitoring.services.rules import Observation
from portal import outbound

REDIRECTS = 4


def ask_domain(question: Question) -> list[Observation]:
    """Until when a domain is registered. Where its registry does not say, nobody knows."""
    address = f"{settings.RDAP.rstrip('/')}/domain/{question.target.lower()}"
    try:
        # whoever set PORTAL_RDAP decided who is asked; the networks of clients have nothing to do with it
        answer = outbound.get(
            address,
            allowed=settings.RDAP_NETWORKS,
            timeout_s=TIMEOUT_S,
            redirects=REDIRECTS,
            headers={"Accept": "application/rdap+json"},
        )
    except httpx.HTTPError as error:
        raise Unanswered(f"The registry did not answer: {error or type(error).__name__}") from error
    if answer.status_code == 404:
        return [question.said(Level.CRITICAL, "The registry does not know this domain: it is not registered.")]
    if answer.status_code != 200:
        raise Unanswered(f"The registry answered with status {answer.status_code}.")
    try:
        found = parse_rdap(answer.json())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unanswered(f"The registry's answer can't be read: {error}") from error
    if found.broken:
        return [question.said(Level.CRITICAL, f"The registry says: {', '.join(found.broken)}.")]
    if found.until is None:
        raise Unanswered("The registry does not say until when it is registered.")
    days = (found.until - question.now).total_seconds() / 86_400
    return [question.judged(days, f"Registered until {found.until:%Y-%m-%d}, {days:.0f} days.")]
