"""When something will be full at its rate: a straight line through what was measured. Pure functions."""

from collections.abc import Sequence
from datetime import datetime, timedelta

# Fewer points, or a shorter time, tell nothing.
FEWEST = 12
SHORTEST = timedelta(hours=6)
FARTHEST = timedelta(days=365)


def full_at(points: Sequence[tuple[datetime, float]], *, full: float = 100.0) -> datetime | None:
    """When a value that grows reaches `full`, by least squares; None: it does not grow, too early to tell, or not within a year."""
    if len(points) < FEWEST or points[-1][0] - points[0][0] < SHORTEST:
        return None
    origin = points[0][0]
    xs = [(at - origin).total_seconds() for at, _ in points]
    ys = [value for _, value in points]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread if spread else 0.0
    if slope <= 0:
        return None
    at = origin + timedelta(seconds=min((full - mean_y) / slope + mean_x, 10 * FARTHEST.total_seconds()))
    return max(at, points[-1][0]) if at - points[-1][0] <= FARTHEST else None
