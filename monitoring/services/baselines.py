"""What is ordinary for a thing, learnt from what it was: pure functions."""

import math
from dataclasses import dataclass

from monitoring.choices import Level

# Until so many looks taught what is ordinary, only what is far beyond the floor counts.
LEARNT = 12
# Looks that count fully: a day of them at one in five minutes; older ones fade.
MEMORY = 288
BEYOND = 10


@dataclass(frozen=True, slots=True)
class Ordinary:
    """How many values taught it, their mean and their variance."""

    looks: int = 0
    mean: float = 0.0
    variance: float = 0.0

    def learn(self, value: float) -> "Ordinary":
        """With one more value. What came out of order is not taught: an attack that lasts does not become ordinary."""
        share = 1 / min(self.looks + 1, MEMORY)
        off = value - self.mean
        mean = self.mean + share * off
        return Ordinary(self.looks + 1, mean, (1 - share) * (self.variance + share * off * off))

    def limits(self, floor: float) -> tuple[float, float]:
        """From where on a value is a warning, and critical.

        Args:
            floor: what never matters, however unusual.
        """
        if self.looks < LEARNT:
            return BEYOND * floor, 5 * BEYOND * floor
        warning = max(floor, self.mean + 4 * math.sqrt(self.variance), 3 * self.mean)
        return warning, max(5 * floor, 3 * warning)


def level_of(value: float, ordinary: Ordinary, *, floor: float) -> Level:
    """Where a value lies by what is ordinary."""
    warning, critical = ordinary.limits(floor)
    if value >= critical:
        return Level.CRITICAL
    return Level.WARNING if value >= warning else Level.UP
