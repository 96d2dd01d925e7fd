"""Systems: the hosts that we maintain."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q

from clients.choices import Access, Connection, Environment, HostWork, SystemRole
from portal.accounts.tenancy import ClientOwned

ADDRESS = RegexValidator(r"^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$", "Use a host name or an IP address.")
LOGIN = RegexValidator(r"^[a-z_][a-z0-9_-]{0,31}$", "Use a Linux login name, as in `useradd`.")


class System(ClientOwned):
    """A Linux host of a client. What it runs and how it was last reached is kept with it."""

    name = models.CharField(max_length=100)
    address = models.CharField(max_length=253, validators=[ADDRESS])
    port = models.PositiveIntegerField(default=22, validators=[MinValueValidator(1), MaxValueValidator(65535)])
    login = models.CharField(max_length=32, default="retainer", validators=[LOGIN])
    environment = models.CharField(max_length=16, choices=Environment)
    access = models.CharField(max_length=16, choices=Access, default=Access.MANAGE)
    # On a production system: the staging system on which its updates are tested first. The database holds that the twin
    # is a staging system of the same client (composite foreign key, migration 0002).
    staging_twin = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="staging_for")
    roles = ArrayField(models.CharField(max_length=16, choices=SystemRole), default=list, blank=True)

    # What is special about it, in Markdown; the client reads it too.
    notes = models.TextField(blank=True, default="", db_default="", max_length=20_000)

    # Facts of the last scan that could read them; empty means not known.
    os_id = models.CharField(max_length=32, blank=True, default="")
    os_version = models.CharField(max_length=32, blank=True, default="")
    os_name = models.CharField(max_length=200, blank=True, default="")
    kernel = models.CharField(max_length=100, blank=True, default="")
    architecture = models.CharField(max_length=32, blank=True, default="")
    package_manager = models.CharField(max_length=16, blank=True, default="")
    facts_at = models.DateTimeField(null=True, blank=True)

    connection = models.CharField(max_length=24, choices=Connection, default=Connection.UNKNOWN)
    connection_at = models.DateTimeField(null=True, blank=True)
    connection_message = models.TextField(blank=True, default="")
    # The proofs of the last connection test, in order: [{"what", "ok", "message"}, …]
    connection_proofs = models.JSONField(default=list, blank=True)

    # Work asked of a worker for this system; the row is the queue.
    asked_work = models.CharField(max_length=24, choices=HostWork, blank=True, default="")
    asked_at = models.DateTimeField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # Runbooks that may be rehearsed here, as the set-up script tells the host's administrator: [{"sha256", "name"}]. Staging only.
    rehearsals = models.JSONField(default=list, db_default=[], blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["client", "name"], name="one_name_per_client"),
            models.UniqueConstraint(fields=["address", "port", "login"], name="one_system_per_login"),
            models.CheckConstraint(condition=Q(environment__in=Environment.values), name="system_environment_known"),
            models.CheckConstraint(condition=Q(access__in=Access.values), name="system_access_known"),
            models.CheckConstraint(condition=Q(connection__in=Connection.values), name="system_connection_known"),
            models.CheckConstraint(condition=Q(port__gte=1, port__lte=65535), name="system_port_valid"),
            models.CheckConstraint(
                condition=Q(staging_twin=None) | Q(environment=Environment.PRODUCTION), name="only_production_has_a_twin"
            ),
            models.CheckConstraint(condition=~Q(staging_twin=F("id")), name="system_is_not_its_own_twin"),
            models.CheckConstraint(
                condition=Q(asked_work="", asked_at=None) | (~Q(asked_work="") & Q(asked_at__isnull=False)),
                name="system_work_has_a_time",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["asked_at"], condition=~Q(asked_work=""), name="system_asked_work"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def destination(self) -> str:
        """`login@address:port`, for people."""
        return f"{self.login}@{self.address}:{self.port}"

    @property
    def role_labels(self) -> list[str]:
        """The roles in words."""
        return [SystemRole(role).label for role in self.roles]


class ServiceCheck(ClientOwned):
    """An address on a system that must answer over HTTP before and after each change."""

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="service_checks")
    url = models.URLField(max_length=500)
    expected_status = models.PositiveSmallIntegerField(default=200)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["system", "url"], name="one_check_per_url"),
        ]

    def __str__(self) -> str:
        return self.url
