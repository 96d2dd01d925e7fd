"""Records that say who may send mail of a domain: pure functions over what DNS answered."""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# name, type of record → its values, empty where there is none; whatever it raises goes through
Lookup = Callable[[str, str], Sequence[str]]
# RFC 7208, 4.6.4: terms that ask DNS, and answers without a record.
MOST_LOOKUPS = 10
MOST_VOIDS = 2
# Where counting stops: more is wrong anyway.
ENOUGH = 40


@dataclass(slots=True)
class Spf:
    """A policy with everything that it includes.

    Args:
        lookups, voids: as RFC 7208 counts them, over the whole policy.
        terms: in order: qualifier, and a network, `all`, or the policy of an include.
        problems: sentences; each of them makes receivers treat the policy as broken.
        weak: sentences; it works, and lets in too many.
    """

    lookups: int = 0
    voids: int = 0
    terms: list[tuple[str, "Network | str | Spf"]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    weak: list[str] = field(default_factory=list)

    def result(self, address: Address) -> str:
        """What a receiver makes of a sender at this address: pass, fail, softfail or neutral."""
        for qualifier, term in self.terms:
            if isinstance(term, Spf):
                matched = term.result(address) == "pass"
            elif isinstance(term, str):
                matched = True
            else:
                matched = address.version == term.version and address in term
            if matched:
                return {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}[qualifier]
        return "neutral"


def read_spf(domain: str, lookup: Lookup) -> Spf:
    """Read a domain's policy, and all that it includes."""
    whole = Spf()
    _read_spf(domain, lookup, whole, whole)
    if whole.lookups > MOST_LOOKUPS:
        whole.problems.append(f"It takes {whole.lookups} lookups, and receivers stop after {MOST_LOOKUPS}.")
    if whole.voids > MOST_VOIDS:
        whole.problems.append(f"{whole.voids} of its names do not exist, and receivers stop after {MOST_VOIDS}.")
    last = whole.terms[-1] if whole.terms else ("?", "")
    if last == ("+", "all"):
        whole.problems.append("It ends with +all: everybody may send.")
    elif last[1] != "all" and not whole.problems:
        whole.weak.append("It does not end with -all or ~all.")
    elif last[0] == "?":
        whole.weak.append("It ends with ?all, which says nothing of others.")
    return whole


def _read_spf(domain: str, lookup: Lookup, policy: Spf, whole: Spf) -> None:
    records = [text for text in lookup(domain, "TXT") if re.match(r"v=spf1( |$)", text, re.IGNORECASE)]
    if len(records) != 1:
        whole.problems.append(
            f"{domain} has {len(records)} SPF records, and must have one." if records else f"{domain} has no SPF record."
        )
        return
    redirect = ""
    for word in records[0].split()[1:]:
        if whole.lookups > ENOUGH:
            return
        qualifier, rest = (word[0], word[1:]) if word[0] in "+-~?" else ("+", word)
        name, sign, value = re.match(r"([a-zA-Z0-9._-]*)([:=/]?)(.*)", rest).groups()  # type: ignore[union-attr]  # always matches
        name = name.lower()
        if name == "redirect" and sign == "=":
            redirect = value
        elif sign == "=":
            continue  # other modifiers, such as exp
        else:
            _read_term(qualifier, name, f"/{value}" if sign == "/" else value, domain, lookup, policy, whole)
    if redirect and not any(term == "all" for _, term in policy.terms):
        whole.lookups += 1
        _read_spf(redirect, lookup, policy, whole)


def _read_term(  # noqa: PLR0917  # a term, where it stands, and what is known of the whole
    qualifier: str, name: str, value: str, domain: str, lookup: Lookup, policy: Spf, whole: Spf
) -> None:
    host, slash, prefix = value.partition("/")
    host = host or domain
    if name == "all":
        policy.terms.append((qualifier, "all"))
    elif name in {"ip4", "ip6"}:
        try:
            policy.terms.append((qualifier, ipaddress.ip_network(value, strict=False)))
        except ValueError:
            whole.problems.append(f"{name}:{value} is not a network.")
    elif name == "include":
        whole.lookups += 1
        included = Spf()
        _read_spf(host, lookup, included, whole)
        policy.terms.append((qualifier, included))
    elif name in {"a", "mx"}:
        whole.lookups += 1
        names = [host] if name == "a" else [mx.split()[-1].rstrip(".") for mx in lookup(host, "MX")]
        found = [address for one in names for kind in ("A", "AAAA") for address in lookup(one, kind)]
        whole.voids += not found
        policy.terms += [(qualifier, _network(address, slash, prefix)) for address in found]
    elif name in {"exists", "ptr"}:
        whole.lookups += 1
        if name == "ptr":
            whole.weak.append("It uses ptr, which RFC 7208 says not to.")
    else:
        whole.problems.append(f"It holds “{name}”, which is no mechanism.")


def _network(address: str, slash: str, prefix: str) -> Network:
    four, _, six = prefix.partition("//")
    length = (six if ":" in address else four) if slash else ""
    return ipaddress.ip_network(f"{address}/{length}" if length.isdigit() else address, strict=False)


def tags(record: str) -> dict[str, str]:
    """`k=v; k=v` as DKIM, DMARC, MTA-STS and TLS-RPT write it."""
    pairs = (part.partition("=") for part in record.split(";") if part.strip())
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


@dataclass(frozen=True, slots=True)
class Judged:
    """What is wrong (receivers do not count it), what is weak, what it says, and a number where it has one."""

    problem: str = ""
    weak: str = ""
    words: str = ""
    value: float | None = None


def judge_dkim(records: Sequence[str]) -> Judged:
    """A key of a selector (RFC 6376, 3.6.1); `value` is its bits."""
    if len(records) != 1:
        return Judged(
            problem=f"There are {len(records)} records for this selector." if records else "There is no key for this selector."
        )
    found = tags(records[0])
    return Judged(problem="It is not of version DKIM1.") if found.get("v", "DKIM1") != "DKIM1" else _judge_key(found)


def _judge_key(found: dict[str, str]) -> Judged:
    body = "".join(found.get("p", "").split())
    if not body:
        return Judged(problem="The key was taken back (empty p=).")
    testing = "It says that it is only a test (t=y)." if "y" in found.get("t", "").split(":") else ""
    try:
        raw = base64.b64decode(body, validate=True)
        if found.get("k", "rsa") == "ed25519":
            return Judged("" if len(raw) == 32 else "The key can't be read.", testing, "ed25519.")
        key = load_der_public_key(raw)
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return Judged(problem="The key can't be read.")
    if not isinstance(key, RSAPublicKey):
        return Judged(problem="The key is not of the kind that it says.")
    return Judged("", testing, f"RSA, {key.key_size} bits.", float(key.key_size))


def judge_dmarc(records: Sequence[str]) -> Judged:
    """A policy (RFC 7489, 6.3)."""
    found = [record for record in records if record.startswith("v=DMARC1")]
    if len(found) != 1:
        return Judged(problem=f"There are {len(found)} policies." if found else "There is no policy.")
    policy = tags(found[0])
    if policy.get("p") not in {"none", "quarantine", "reject"}:
        return Judged(problem="It does not say what to do (p=).")
    if policy["p"] == "none":
        return Judged(weak="p=none: what is forged is let in.")
    share = policy.get("pct", "100")
    if share != "100":
        return Judged(weak=f"It counts for {share} % only.")
    return Judged(words=f"p={policy['p']}" + (", with reports." if "rua" in policy else ", without reports."))


def judge_tls_rpt(records: Sequence[str]) -> Judged:
    """Where receivers report what failed (RFC 8460, 3)."""
    found = [record for record in records if record.startswith("v=TLSRPTv1")]
    if len(found) != 1:
        return Judged(problem=f"There are {len(found)} records." if found else "There is no record.")
    where = tags(found[0]).get("rua", "")
    good = all(part.strip().startswith(("mailto:", "https:")) for part in where.split(","))
    return Judged(words=f"Reports go to {where}.") if where and good else Judged(problem="It does not say where to report to (rua=).")


def judge_mta_sts(records: Sequence[str], policy: str, servers: Sequence[str]) -> Judged:
    """A policy (RFC 8461, 3.2) held against the mail servers of the domain.

    Args:
        records: TXT of _mta-sts.
        policy: what the well-known address gave.
        servers: names of the MX records.
    """
    if len([record for record in records if record.startswith("v=STSv1") and tags(record).get("id")]) != 1:
        return Judged(problem="The record _mta-sts is not there once, with an id.")
    lines = [line.partition(":") for line in policy.splitlines() if ":" in line]
    said: dict[str, list[str]] = {}
    for name, _, value in lines:
        said.setdefault(name.strip(), []).append(value.strip())
    if said.get("version") != ["STSv1"] or said.get("mode", [""])[0] not in {"enforce", "testing", "none"}:
        return Judged(problem="The policy can't be read.")
    missing = [server for server in servers if not any(_fits(server.rstrip(".").lower(), one.lower()) for one in said.get("mx", []))]
    if missing:
        return Judged(problem=f"The policy does not name {', '.join(missing)}: with it, nobody could deliver there.")
    if said["mode"] != ["enforce"]:
        return Judged(weak=f"mode: {said['mode'][0]}: nobody is kept from delivering without TLS.")
    age = said.get("max_age", ["0"])[0]
    if not age.isdigit() or int(age) < 86_400:
        return Judged(weak="It counts for less than a day (max_age).")
    return Judged(words="Enforced.")


def _fits(server: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return server.partition(".")[2] == pattern[2:]
    return server == pattern.rstrip(".")
