"""/api/v1/: the same services as the pages, for programs. Each area brings its part; schema: `manage.py openapi`."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Field, NinjaAPI, Schema, Status

from backups.api import router as backups_router
from clients.api import router as clients_router
from clients.support.api import router as support_router
from handover.api import router as handover_router
from maintenance.api import router as maintenance_router
from maintenance.api_rollouts import router as rollouts_router
from monitoring.api import router as monitoring_router
from portal.accounts.api_auth import TokenAuth
from portal.accounts.permissions import ANYBODY
from portal.accounts.roles import Permission
from portal.accounts.services import READING
from portal.errors import NotAllowed, PortalError
from portal.reports.api import router as reports_router
from portal.signin.errors import BadSignIn
from portal.signin.services.tokens import exchange


class SignIn(Schema):
    """Address, password, the code of the second factor (staff need one), and what the token is for."""

    email: str
    password: str
    code: str = ""
    name: str = "API"
    operate: bool = False
    tickets: bool = False
    days: int = Field(90, ge=1, le=365)


class Token(Schema):
    """A token, shown once. It reads; with `operate` it also decides, scans, onboards, and applies on staging.

    With `tickets` it raises and answers tickets.
    """

    token: str


class Problem(Schema):
    """What went wrong, and what to do."""

    detail: str
    hint: str = ""


api = NinjaAPI(title="Retainer", version="1", auth=TokenAuth(), urls_namespace="api-1", docs_url=None)
api.add_router("", clients_router)
api.add_router("", maintenance_router)
api.add_router("", rollouts_router)
api.add_router("", backups_router)
api.add_router("", monitoring_router)
api.add_router("", support_router)
api.add_router("", reports_router)
api.add_router("", handover_router)


@api.post("/token", auth=None, response={200: Token, 401: Problem}, operation_id="sign_in", tags=["sign-in"])
def sign_in(request: HttpRequest, body: SignIn) -> Status[dict[str, str]]:
    """Exchange address, password and code for a token."""
    scopes = READING | ({Permission.OPERATE} if body.operate else frozenset())
    scopes |= {Permission.RAISE_TICKETS} if body.tickets else frozenset()
    try:
        token = exchange(
            request, email=body.email, password=body.password, code=body.code, name=body.name[:100], scopes=scopes, days=body.days,
            now=timezone.now(),
        )  # fmt: skip
    except BadSignIn as error:
        return Status(401, {"detail": error.message, "hint": error.hint})
    return Status(200, {"token": token})


sign_in.permission = ANYBODY  # type: ignore[attr-defined]


@api.exception_handler(PortalError)
def portal_error(request: HttpRequest, error: PortalError) -> HttpResponse:
    """What a person could not have done either: 409 with the sentence, 403 where the role is wrong."""
    status = 403 if isinstance(error, NotAllowed) else 409
    return api.create_response(request, {"detail": error.message, "hint": error.hint}, status=status)
