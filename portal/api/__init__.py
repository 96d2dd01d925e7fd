"""/api/v1/: the same services as the pages, for programs. Each area brings its part; schema: `manage.py openapi`."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import NinjaAPI, Schema, Status
from ninja.security import HttpBearer

from clients.api import router as clients_router
from maintenance.api import router as maintenance_router
from portal.accounts.actor import NOBODY, Actor
from portal.accounts.services import BadSignIn, actor_of, sign_in_for_token, user_of_token
from portal.errors import NotAllowed, PortalError


class TokenAuth(HttpBearer):
    """`Authorization: Bearer rtn_…`. A browser's session does not count here, so there is nothing to forge."""

    def authenticate(self, request: HttpRequest, token: str) -> Actor | None:
        """The actor behind the token; None is 401."""
        actor = actor_of(user_of_token(token=token, now=timezone.now()))
        if actor == NOBODY:
            return None
        request.actor = actor  # type: ignore[attr-defined]  # as the middleware does for pages
        return actor


class SignIn(Schema):
    """Address and password, and what to call the token."""

    email: str
    password: str
    name: str = "API"


class Token(Schema):
    """A token, shown once; it lives 90 days."""

    token: str


class Problem(Schema):
    """What went wrong, and what to do."""

    detail: str
    hint: str = ""


api = NinjaAPI(title="Retainer", version="1", auth=TokenAuth(), urls_namespace="api-1", docs_url=None)
api.add_router("", clients_router)
api.add_router("", maintenance_router)


@api.post("/token", auth=None, response={200: Token, 401: Problem}, operation_id="sign_in", tags=["sign-in"])
def sign_in(request: HttpRequest, body: SignIn) -> Status[dict[str, str]]:
    """Exchange address and password for a token."""
    try:
        token = sign_in_for_token(email=body.email, password=body.password, name=body.name[:100], now=timezone.now())
    except BadSignIn as error:
        return Status(401, {"detail": error.message, "hint": ""})
    return Status(200, {"token": token})


@api.exception_handler(PortalError)
def portal_error(request: HttpRequest, error: PortalError) -> HttpResponse:
    """What a person could not have done either: 409 with the sentence, 403 where the role is wrong."""
    status = 403 if isinstance(error, NotAllowed) else 409
    return api.create_response(request, {"detail": error.message, "hint": error.hint}, status=status)
