"""What goes into a package, member by member, in an order that is the same each time; large things are read where they lie."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.html import strip_tags
from django.utils.safestring import SafeString

from backups.choices import PROVING
from backups.models import RestoreTest
from backups.services.certificates import certificate
from clients.models import Client, System
from clients.support.choices import MessageKind
from clients.support.models import Attachment, Message, Ticket
from handover.choices import WalkthroughKind
from handover.models import MonthDifference, Runbook, Walkthrough
from handover.parsers import casts
from handover.parsers.runbooks import script_of
from handover.services import credentials, diagrams, documents, inventory, records, runbooks, signing, walkthroughs, writing
from handover.services.zipping import PIECE_B, Member, Names, bytes_member, safe_name, text_member
from portal.audit.models import AuditEvent
from portal.reports.models import Report, ReportState
from portal.ui.markdown import render
from portal.ui.printing import fonts, print_pdf

INSIDE = Path(__file__).resolve().parents[1] / "inside"
PLAYER = settings.BASE_DIR / "static" / "vendor" / "asciinema"
# Of a page, so many signs are searched in, and of all together: a browser holds them in memory.
SEARCHED = 20_000
SEARCHED_IN_ALL = 12_000_000
BOOK = "book.pdf"
# In the book, so many lines of a file; the whole of it is in the document.
BOOK_LINES = 120


@dataclass(frozen=True, slots=True)
class Page:
    """A page as index and search name it."""

    title: str
    href: str
    text: str = ""


@dataclass(slots=True)
class Section:
    """A part of the first page."""

    title: str
    words: str = ""
    pages: list[Page] = field(default_factory=list)


class Contents:
    """Makes the members of one package. What pages say is gathered on the way, for the first page and the book."""

    def __init__(
        self,
        client: Client,
        *,
        files: Sequence[credentials.File],
        limits: Sequence[str],
        at: datetime,
        beat: Callable[[], None],
    ) -> None:
        """Args: files, limits: of credentials, made before; at: the package's moment, the same each time it is gone on with."""
        self._client, self._at = client, at
        self._files, self._limits, self._beat = files, limits, beat
        self._names = Names()
        self._sections: list[Section] = []
        self._book: list[tuple[str, SafeString]] = []
        self._searched = 0
        self._systems = list(
            System.objects.filter(client=client).select_related("client", "staging_twin").order_by("environment", "name", "pk")
        )

    def members(self) -> Iterator[Member]:
        """All of them but the list of sums and its signature."""
        yield from self._documents()
        yield from self._runbooks()
        yield from self._walkthroughs()
        yield from self._inventory()
        yield from self._contracts()
        yield from self._tickets()
        yield from self._history()
        yield from self._reports()
        yield from self._restores()
        yield from self._audit()
        yield from self._credentials()
        yield from self._book_and_index()

    def _page(
        self, section: Section, title: str, href: str, markdown: str, *, figure: str = "", book: str | None = None
    ) -> Iterator[Member]:
        """A document as HTML and Markdown; `book` is what stands in the book for it, None for nothing."""
        html = render(markdown)
        section.pages.append(Page(title, href, self._search_text(strip_tags(html))))
        if book is not None:
            self._book.append((title, render(book)))
        yield text_member(href, self._html(title, href, html, figure=figure))
        yield text_member(f"{href.removesuffix('.html')}.md", markdown)

    def _search_text(self, text: str) -> str:
        text = " ".join(text.split())[: SEARCHED if self._searched < SEARCHED_IN_ALL else 0]
        self._searched += len(text)
        return text

    def _html(self, title: str, href: str, body: SafeString, *, figure: str = "") -> str:
        values = {
            "title": title,
            "client": self._client.name,
            "root": "../" * href.count("/"),
            "body": body,
            "figure": figure,
            "links": _LINKS,
        }
        return render_to_string("handover/inside/page.html", values)

    def _section(self, title: str, words: str = "") -> Section:
        section = Section(title, words)
        self._sections.append(section)
        return section

    def _documents(self) -> Iterator[Member]:
        section = self._section("Documents", "What each system is, and how it is set up.")
        prose = documents.prose_of(self._client.pk, None)
        if prose.strip():
            yield from self._page(section, "In our words", "documents/about.html", f"# {self._client.name}\n\n{prose}", book=prose)
        yield text_member("documents/overview.svg", diagrams.overview(self._client))
        relations = diagrams.relations_of(self._systems)
        for system in self._systems:
            document = documents.newest(system.pk)
            href = self._names.of("documents", f"{system.name}.html")
            text = writing.document_markdown(system, document)
            short = writing.document_markdown(system, document, lines_most=BOOK_LINES)
            figure = diagrams.around(system, relations=relations)
            yield from self._page(section, system.name, href, text, figure=figure, book=short)
            yield text_member(f"{href.removesuffix('.html')}.svg", figure)
            for month in MonthDifference.objects.filter(system=system).order_by("month"):
                if month.changes:
                    name = self._names.of("documents/changes", f"{system.name} {month.month:%Y-%m}.html")
                    words = f"# {system.name}: what changed in {month.month:%B %Y}\n\n{writing.difference_markdown(month.changes)}"
                    yield from self._page(section, f"{system.name}: changes in {month.month:%Y-%m}", name, words)

    def _runbooks(self) -> Iterator[Member]:
        section = self._section(
            "Runbooks", "What to do, step by step; each also as a shell script of its own (the same name with .sh)."
        )
        rows = runbooks.last_rehearsals(Runbook.objects.filter(client=self._client, ended_at=None).select_related("system"))
        for row in rows.order_by("system__environment", "system__name", "slug"):
            book = runbooks.read(row)
            href = self._names.of(f"runbooks/{self._folder(row.system)}", f"{row.slug}.html")
            rehearsed = (
                f"*Last rehearsed {writing.moment(row.rehearsed_at)}: {row.rehearsed}.*" if row.rehearsed_at else "**Never rehearsed.**"
            )
            text = f"{writing.runbook_markdown(row, book)}\n\n{rehearsed}\n"
            yield from self._page(section, f"{row.system.name}: {book.title}", href, text, book=text)
            yield text_member(f"{href.removesuffix('.html')}.sh", script_of(book, row.values), runnable=True)

    def _folder(self, system: System) -> str:
        """A system's folder: its name made safe; two whose names become one are told apart by their number."""
        name = safe_name(system.name)
        same = [one for one in self._systems if safe_name(one.name).casefold() == name.casefold()]
        return name if len(same) == 1 else f"{name}-{1 + same.index(system)}"

    def _walkthroughs(self) -> Iterator[Member]:
        section = self._section("Walkthroughs", "Recorded tours of the systems.")
        rows = (
            Walkthrough.objects.filter(client=self._client, ended_at=None)
            .select_related("system")
            .order_by("system__name", "made_at", "pk")
        )
        for row in rows.defer("cast"):
            title = row.title if row.system.name in row.title else f"{row.system.name}: {row.title}"
            href = self._names.of("walkthroughs", f"{row.system.name} {row.kind} {row.made_at:%Y-%m-%d}.html")
            stem = href.removesuffix(".html")
            base = stem.rpartition("/")[2]
            values = {
                "title": title,
                "client": self._client.name,
                "root": "../",
                "row": row,
                "links": _LINKS,
                "chapters": walkthroughs.lines_of(row),
            }
            if row.kind == WalkthroughKind.VIDEO:
                ending = row.file_name.rpartition(".")[2]
                yield Member(f"{stem}.{ending}", _file_pieces(walkthroughs.path_of(row)))
                values |= {"video": f"{base}.{ending}"}
                words = "a video"
            else:
                text = Walkthrough.objects.values_list("cast", flat=True).get(pk=row.pk)
                words = casts.transcript(casts.parse_cast(text))
                yield text_member(f"{stem}.cast", text)
                yield text_member(f"{stem}.txt", words)
                # a page that is opened from disk can't fetch: the recording is a script, in which no tag can end
                yield text_member(f"{stem}.js", f"window.RETAINER_CAST = {json.dumps(text).replace('<', chr(92) + 'u003c')};\n")
                values |= {"cast": f"{base}.cast", "transcript": f"{base}.txt", "data": f"{base}.js"}
            section.pages.append(Page(title, href, self._search_text(words)))
            yield text_member(href, render_to_string("handover/inside/walkthrough.html", values))

    def _inventory(self) -> Iterator[Member]:
        section = self._section("Inventory", "For programs: as JSON with its schema, and as an Ansible inventory.")
        values = inventory.inventory_of(self._client)
        yield text_member("inventory/inventory.json", json.dumps(values, ensure_ascii=False, indent=1))
        yield bytes_member("inventory/inventory.schema.json", (INSIDE / "inventory.schema.json").read_bytes())
        yield text_member("inventory/ansible.yml", inventory.ansible_of(values))
        section.pages += [
            Page("inventory.json", "inventory/inventory.json"),
            Page("inventory.schema.json", "inventory/inventory.schema.json"),
            Page("ansible.yml", "inventory/ansible.yml"),
        ]

    def _contracts(self) -> Iterator[Member]:
        section = self._section("Licences, renewals, contracts")
        text = records.contracts(self._client, self._systems, at=self._at)
        yield from self._page(section, "Licences, renewals, contracts", "contracts/contracts.html", text, book=text)

    def _tickets(self) -> Iterator[Member]:
        section = self._section("Tickets", "Every question and what was answered, with its files.")
        for pk in list(Ticket.objects.filter(client=self._client).order_by("pk").values_list("pk", flat=True)):
            ticket = Ticket.objects.select_related("system").get(pk=pk)
            title = f"#{ticket.pk} {ticket.subject}"
            parts = [
                f"# {writing.inline(title)}",
                "",
                f"{ticket.get_state_display()}. {writing.inline(ticket.requester_name)}, {writing.moment(ticket.created_at)}.",
                "",
            ]
            for message in Message.objects.filter(ticket=ticket, kind__in=[MessageKind.PUBLIC, MessageKind.DIAGNOSIS]).order_by(
                "created_at", "pk"
            ):
                parts += [
                    f"## {writing.inline(message.author_label)}, {writing.moment(message.created_at)}",
                    "",
                    *writing.code(message.body, ""),
                ]
                for file in Attachment.objects.filter(message=message).defer("content").order_by("pk"):
                    name = self._names.of(f"tickets/{ticket.pk}", file.name)
                    parts += [f"- [{writing.inline(file.name)}]({quote(name.removeprefix('tickets/'))})", ""]
                    yield Member(name, _attachment_pieces(file.pk))
            yield from self._page(section, title, f"tickets/{ticket.pk}.html", "\n".join(parts))

    def _history(self) -> Iterator[Member]:
        section = self._section("History", "What was done, and what went wrong.")
        yield from self._page(section, "Update runs", "history/runs.html", records.update_runs(self._client))
        yield from self._page(section, "Incidents", "history/incidents.html", records.incidents(self._client))

    def _reports(self) -> Iterator[Member]:
        section = self._section("Monthly reports")
        for row in Report.objects.filter(client=self._client, state=ReportState.SENT).defer("pdf", "facts").order_by("month"):
            name = f"reports/{row.month:%Y-%m}.pdf"
            section.pages.append(Page(f"{row.month:%B %Y}", name))
            yield Member(name, _report_pieces(row.pk))

    def _restores(self) -> Iterator[Member]:
        section = self._section("Restore tests", "What shows that backups can be restored.")
        tests = (
            RestoreTest.objects.filter(client=self._client, verdict__in=PROVING)
            .select_related("job", "system")
            .order_by("-finished_at", "-pk")
        )
        seen: set[int] = set()
        for test in tests.iterator():
            if test.job_id in seen:
                continue
            seen.add(test.job_id)
            name = self._names.of("restores", f"{test.system.name} {test.job.name}.pdf")
            section.pages.append(Page(f"{test.system.name}: {test.job.name}", name))
            yield bytes_member(name, certificate(test))

    def _audit(self) -> Iterator[Member]:
        section = self._section("What was done on your behalf", "The audit trail, each event chained to the one before by its hash.")
        section.pages.append(Page("audit.jsonl", "audit/audit.jsonl"))
        yield Member("audit/audit.jsonl", lambda: _audit_pieces(self._client.pk, until=self._at))

    def _credentials(self) -> Iterator[Member]:
        section = self._section("Credentials")
        yield from self._page(
            section,
            "Credentials, and how to import them",
            "credentials/read-me.html",
            records.credentials_read_me(self._files, self._limits),
        )
        for file in self._files:
            yield bytes_member(f"{credentials.FOLDER}/{file.name}", file.content)

    def _book_and_index(self) -> Iterator[Member]:
        for name in ("style.css", "search.js", "play.js"):
            yield bytes_member(f"assets/{name}", (INSIDE / name).read_bytes())
        for name in ("asciinema-player.min.js", "asciinema-player.css"):
            yield bytes_member(f"assets/{name}", (PLAYER / name).read_bytes())
        yield bytes_member("assets/asciinema-player-LICENSE.txt", (PLAYER / "LICENSE").read_bytes())
        section = self._section("As a book")
        section.pages.append(Page("The book (PDF)", BOOK))
        yield Member(BOOK, self._print_book)
        pages = [{"title": page.title, "href": page.href, "text": page.text} for section in self._sections for page in section.pages]
        data = json.dumps(pages, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
        yield text_member("assets/index-data.js", f"window.RETAINER_INDEX = {data};\n")
        values = {
            "title": "Start",
            "client": self._client.name,
            "root": "",
            "made": self._at,
            "links": _LINKS,
            "figure": diagrams.overview(self._client),
            "sections": self._sections,
            "notes": [] if self._files else ["The credentials are not in this package."],
        }
        yield text_member("index.html", render_to_string("handover/inside/index.html", values))
        yield bytes_member("verify.py", (INSIDE / "verify.py").read_bytes(), runnable=True)
        yield text_member("README.txt", _README.format(client=self._client.name, made=f"{self._at:%Y-%m-%d %H:%M} UTC"))
        yield text_member("allowed_signers", signing.allowed_signers(signing.current(now=self._at)))

    def _print_book(self) -> Iterator[bytes]:
        parts = [{"title": title, "html": html} for title, html in self._book]
        values = {"client": self._client.name, "made": self._at, "parts": parts, "fonts": fonts().as_uri()}
        yield print_pdf(render_to_string("handover/inside/book.html", values), beat=self._beat)


_LINKS = [
    {"title": "Book", "href": BOOK},
    {"title": "Credentials", "href": "credentials/read-me.html"},
    {"title": "Contracts", "href": "contracts/contracts.html"},
    {"title": "History", "href": "history/runs.html"},
]
_README = """Handover of {client}, made {made}

index.html         open this first: it works without a network, and searches in everything
book.pdf           the same, to print
verify.py          python3 verify.py checks every file and the signature

By hand, with nothing of ours:
  sha256sum -c SHA256SUMS
  ssh-keygen -Y verify -f allowed_signers -I retainer -n handover -s SHA256SUMS.sig < SHA256SUMS
The key in allowed_signers (ssh-keygen -lf allowed_signers) is also shown in the portal: compare the two.
"""


def _file_pieces(path: Path) -> Any:
    def pieces() -> Iterator[bytes]:
        with path.open("rb") as file:
            while piece := file.read(PIECE_B):
                yield piece

    return pieces


def _attachment_pieces(pk: int) -> Any:
    return lambda: [bytes(Attachment.objects.values_list("content", flat=True).get(pk=pk))]


def _report_pieces(pk: int) -> Any:
    return lambda: [bytes(Report.objects.values_list("pdf", flat=True).get(pk=pk) or b"")]


def _audit_pieces(client_id: int, *, until: datetime) -> Iterator[bytes]:
    """One event a line, the oldest first; addresses of our people's connections are not the client's to keep."""
    rows = AuditEvent.objects.filter(client_id=client_id, at__lte=until).order_by("position")
    fields = (
        "position",
        "at",
        "actor_label",
        "action",
        "subject_type",
        "subject_label",
        "details",
        "before",
        "after",
        "previous_hash",
        "hash",
    )
    for row in rows.values(*fields).iterator(chunk_size=500):
        yield (json.dumps(row | {"at": row["at"].astimezone(UTC).isoformat()}, ensure_ascii=False, default=str) + "\n").encode()
