"""The knowledge base: read by clients in their language, written by us."""

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from clients.models import Client
from clients.support import queries
from clients.support.forms import ArticleForm, NewArticleForm
from clients.support.models import Article, ArticleImage
from clients.support.services import knowledge
from clients.support.services.files import NewFile
from clients.support.views.tickets import language
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see


@require_GET
@requires(Permission.SEE)
def articles(request: PortalRequest) -> HttpResponse:
    """All articles, or those that fit some words."""
    words, ids = request.GET.get("words", "")[:200], None if request.actor.sees_all_clients else sorted(request.actor.client_ids)
    if words.strip():
        texts = [found.text for found in knowledge.search(words=words, client_ids=ids, language=language(), most=30)]
    else:
        texts = list(knowledge.texts_for(ids, language()).order_by("article__form", "title", "pk")[:300])
    return render_page(request, "support/articles.html", {"texts": texts, "words": words}, fragment="list")


@require_GET
@requires(Permission.SEE)
def article(request: PortalRequest, slug: str) -> HttpResponse:
    """One article, with the reader's own server names in it."""
    row = queries.article_for(request.actor, slug)
    text = knowledge.texts_for(None, language()).filter(article=row).first() if row else None
    if row is None or text is None:
        raise Http404
    client = row.client or Client.objects.visible_to(request.actor).filter(ended_at=None, pk=_wanted(request)).first()
    if client is None and not request.actor.sees_all_clients:
        client = Client.objects.visible_to(request.actor).filter(ended_at=None).order_by("pk").first()
    body = knowledge.filled(text.body, knowledge.facts_of(client), unknown=_("(ask us)"))
    return render_page(request, "support/article.html", {"article": row, "text": text, "body": body, "client": client})


def _wanted(request: PortalRequest) -> int:
    wanted = request.GET.get("client", "")
    return int(wanted) if wanted.isdigit() and len(wanted) < 12 else 0


@require_http_methods(["GET", "POST"])
@requires(Permission.SEE_FLEET, change=Permission.OPERATE)
def article_edit(request: PortalRequest, slug: str, language_code: str) -> HttpResponse:
    """A new version of an article in one language."""
    row = queries.article_for(request.actor, slug)
    if row is None or language_code not in {"en", "de"}:
        raise Http404
    text = row.texts.filter(language=language_code, newest=True).first()
    first = {"title": text.title, "also": text.also, "body": text.body} if text else {}
    form = ArticleForm(request.POST or None, initial=first)
    if request.method == "POST" and form.is_valid():
        knowledge.write(
            slug=row.slug,
            client=row.client,
            language=language_code,
            form=row.form,
            actor=request.actor,
            now=timezone.now(),
            **form.cleaned_data,
        )
        return see(request, "support:article", row.slug)
    context = {
        "article": row,
        "form": form,
        "language": language_code,
        "versions": row.texts.filter(language=language_code).order_by("-number")[:50],
    }
    return render_page(request, "support/article_edit.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@requires(Permission.SEE_FLEET, change=Permission.OPERATE)
def article_new(request: PortalRequest) -> HttpResponse:
    """A new article, for all clients or for one."""
    form, error = NewArticleForm(request.POST or None), None
    clients = Client.objects.visible_to(request.actor).filter(ended_at=None).order_by("name", "pk")
    if request.method == "POST" and form.is_valid():
        wanted = request.POST.get("client", "")
        client = clients.filter(pk=int(wanted)).first() if wanted.isdigit() and len(wanted) < 12 else None
        try:
            text = knowledge.write(client=client, actor=request.actor, now=timezone.now(), **form.cleaned_data)
            return see(request, "support:article", text.article.slug)
        except PortalError as problem:
            error = problem
    return render_page(
        request,
        "support/article_new.html",
        {"form": form, "error": error, "clients": clients},
        status=422 if form.errors or error else 200,
    )


@require_POST
@requires(Permission.OPERATE)
def article_image(request: PortalRequest, slug: str) -> HttpResponse:
    """A picture for an article."""
    row = queries.article_for(request.actor, slug)
    given = request.FILES.get("picture")
    if row is None:
        raise Http404
    file = NewFile(getattr(given, "name", "") or "picture.png", "", given.read() if given else b"")
    try:
        knowledge.add_image(article=row, name=file.name, content=file.content, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return render_page(
            request, "support/article_edit.html", {"article": row, "form": ArticleForm(), "error": error, "language": "en"}, status=422
        )
    return see(request, "support:article", row.slug)


@require_POST
@requires(Permission.OPERATE)
def article_end(request: PortalRequest, slug: str) -> HttpResponse:
    """Take an article away from readers."""
    row = queries.article_for(request.actor, slug)
    if row is None:
        raise Http404
    knowledge.end(article=row, actor=request.actor, now=timezone.now())
    return see(request, "support:articles")


@require_GET
@requires(Permission.SEE)
def image(request: PortalRequest, slug: str, name: str) -> HttpResponse:
    """A picture of an article: one of two formats that browsers show as pictures and nothing else."""
    row = queries.article_for(request.actor, slug)
    picture = get_object_or_404(ArticleImage.objects.filter(article=row), name=name) if isinstance(row, Article) else None
    if picture is None:
        raise Http404
    answer = HttpResponse(bytes(picture.content), content_type=picture.content_type)
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer
