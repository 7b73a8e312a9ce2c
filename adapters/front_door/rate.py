"""How many refused requests an address may send: a bucket of tokens for each, in a table of bounded size."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from math import ceil

DEFAULT_PER_MINUTE = 60
MOST_ADDRESSES = 4_096


class _Bucket:
    __slots__ = ("at", "left")

    def __init__(self, left: float, at: float) -> None:
        self.left = left
        self.at = at


class RefusalRate:
    """Lets each address have `per_minute` refused requests a minute, as many at once after a minute of none.

    The table holds the `most_addresses` newest addresses. When the one that would have to leave it is still limited,
    all addresses that are not in the table share one bucket, so that many addresses do not lift each other's limit.
    """

    def __init__(
        self, per_minute: int, monotonic: Callable[[], float], *, most_addresses: int = MOST_ADDRESSES
    ) -> None:
        """`monotonic` returns seconds."""
        self._most = float(per_minute)
        self._per_second = per_minute / 60
        self._monotonic = monotonic
        self._most_addresses = most_addresses
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._shared = _Bucket(self._most, monotonic())

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, sender: str) -> int:
        """Count one refused request. The seconds to wait when the sender has sent too many, 0 otherwise."""
        now = self._monotonic()
        bucket = self._bucket(sender, now)
        self._refill(bucket, now)
        if bucket.left >= 1:
            bucket.left -= 1
            return 0
        return max(1, ceil((1 - bucket.left) / self._per_second))

    def _bucket(self, sender: str, now: float) -> _Bucket:
        bucket = self._buckets.get(sender)
        if bucket is not None:
            self._buckets.move_to_end(sender)
            return bucket
        if len(self._buckets) >= self._most_addresses:
            oldest = next(iter(self._buckets.values()))
            self._refill(oldest, now)
            if oldest.left < self._most:
                return self._shared
            self._buckets.popitem(last=False)
        bucket = self._buckets[sender] = _Bucket(self._most, now)
        return bucket

    def _refill(self, bucket: _Bucket, now: float) -> None:
        bucket.left = min(self._most, bucket.left + (now - bucket.at) * self._per_second)
        bucket.at = now
