"""Alerts, the channels that their messages go over, and each message."""

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q

from monitoring.choices import OPEN_ALERT_STATES, AlertState, ChannelKind, DeliveryState, Event, Level
from portal.accounts.tenancy import ClientOwned


class Alert(ClientOwned):
    """A check that is confirmed to be bad or unknown; one for each check until it is in order again."""

    check_row = models.ForeignKey("Check", on_delete=models.PROTECT, related_name="alerts", db_column="check_id")
    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="alerts")
    # The worst that it was.
    level = models.CharField(max_length=8, choices=Level)
    words = models.CharField(max_length=500)
    state = models.CharField(max_length=16, choices=AlertState, default=AlertState.OPEN)
    opened_at = models.DateTimeField()
    # Of many that came together: the one whose message tells of all.
    part_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="parts")
    # When its messages were written; none while it is muted or another alert explains it.
    announced_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=254, blank=True, default="")
    closed_at = models.DateTimeField(null=True, blank=True)
    # Who somebody gave it to.
    given_to = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    # How many steps of the escalation were taken, and when the next one is due while nobody is on it.
    steps = models.PositiveSmallIntegerField(default=0, db_default=0)
    next_step_at = models.DateTimeField(null=True, blank=True)
    incident = models.ForeignKey("Incident", null=True, blank=True, on_delete=models.PROTECT, related_name="alerts")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["check_row"], condition=Q(state__in=OPEN_ALERT_STATES), name="one_open_alert_per_check"),
            models.CheckConstraint(condition=Q(level__in=[Level.WARNING, Level.CRITICAL, Level.UNKNOWN]), name="an_alert_is_not_fine"),
            models.CheckConstraint(
                condition=Q(state=AlertState.CLOSED, closed_at__isnull=False) | Q(state__in=OPEN_ALERT_STATES, closed_at=None),
                name="alert_closed_iff_closed",
            ),
            models.CheckConstraint(condition=Q(part_of=None) | ~Q(part_of=models.F("id")), name="an_alert_is_not_its_own_part"),
            models.CheckConstraint(
                condition=~Q(state=AlertState.ACKNOWLEDGED) | Q(acknowledged_at__isnull=False) & ~Q(acknowledged_by=""),
                name="who_is_on_it_has_a_name",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["next_step_at"], condition=Q(next_step_at__isnull=False), name="alert_next_step"),
            models.Index(fields=["opened_at"], condition=Q(state__in=OPEN_ALERT_STATES), name="alert_open"),
            models.Index(fields=["system", "-opened_at"], name="alert_of_system"),
        ]

    def __str__(self) -> str:
        return f"alert {self.pk}"


class Channel(models.Model):
    """Where our own people get messages. What opens it (an address with a token in it) is sealed."""

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=8, choices=ChannelKind)
    # As pages show it; of a webhook or a service of Apprise without what is secret in it.
    address = models.CharField(max_length=500)
    sealed = models.TextField(blank=True, default="", db_default="")
    # Whose it is, where it is one person's: messages for whoever is on duty go there.
    person = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    # In these hours only what is critical goes there at once, by the clock of the zone.
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    quiet_zone = models.CharField(max_length=64, default="UTC", db_default="UTC")
    # Tried when this one failed.
    next_channel = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    # Messages begin here; one that is only somebody's next gets none by itself.
    first = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(kind__in=ChannelKind.values), name="channel_kind_known"),
            models.CheckConstraint(condition=~Q(next_channel=models.F("id")), name="a_channel_is_not_its_own_next"),
            models.CheckConstraint(condition=Q(kind=ChannelKind.EMAIL) | ~Q(sealed=""), name="what_opens_a_channel_is_sealed"),
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_until=None) | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="quiet_hours_begin_and_end",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Delivery(ClientOwned):
    """One message of one alert over one channel: written first, then sent; the row is the queue."""

    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="deliveries")
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="deliveries")
    event = models.CharField(max_length=8, choices=Event)
    # Of an escalation: how many came before.
    round = models.PositiveSmallIntegerField(default=0, db_default=0)
    state = models.CharField(max_length=8, choices=DeliveryState, default=DeliveryState.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    trouble = models.CharField(max_length=500, blank=True, default="")
    # When it was found at the far end, where the channel can be read back.
    arrived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["alert", "channel", "event", "round"], name="one_message_of_a_round"),
            models.CheckConstraint(condition=Q(event__in=Event.values), name="delivery_event_known"),
            models.CheckConstraint(
                condition=Q(state=DeliveryState.SENT, sent_at__isnull=False)
                | Q(state__in=[DeliveryState.WAITING, DeliveryState.FAILED], sent_at=None),
                name="sent_iff_sent",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["due_at"], condition=Q(state=DeliveryState.WAITING), name="delivery_waiting"),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"


class EscalationStep(models.Model):
    """Who is told next while nobody is on a critical alert: a channel, or whoever is on duty."""

    number = models.PositiveSmallIntegerField(unique=True)
    # Minutes after the step before; of the first one after the message of the alert.
    after_min = models.PositiveSmallIntegerField()
    channel = models.ForeignKey(Channel, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    # 1: who is on duty first, 2: who stands behind them.
    duty = models.PositiveSmallIntegerField(null=True, blank=True)

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(channel__isnull=False, duty=None) | Q(channel=None, duty__in=[1, 2]), name="a_step_tells_one"
            ),
            models.CheckConstraint(condition=Q(after_min__gte=1, after_min__lte=1440), name="a_step_comes_within_a_day"),
        ]

    def __str__(self) -> str:
        return f"step {self.number}"


class Duty(models.Model):
    """Somebody is on duty for a while. Of shifts that overlap the one that was written last counts."""

    person = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    # 1: first, 2: stands behind.
    place = models.PositiveSmallIntegerField(default=1)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    created_at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(ends_at__gt=models.F("starts_at")), name="a_duty_ends_after_it_began"),
            models.CheckConstraint(condition=Q(place__in=[1, 2]), name="a_duty_has_a_place"),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["ends_at"], name="duty_by_end")]

    def __str__(self) -> str:
        return f"{self.person}, {self.starts_at:%Y-%m-%d}"
