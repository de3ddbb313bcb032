"""Which replicas own a partition, so that a batch meets no node that owns none of it."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from cassandra.metadata import Murmur3Token

from target_cassandra.values import PREFIX


class Ring:
    """The replicas of a keyspace as they are now, those of the local data centre."""

    def __init__(self, metadata: Any, keyspace: str, local_dc: str | None) -> None:
        self._tokens: list[int] = []
        self._groups: list[int] = []
        self._hosts: list[tuple[Any, ...]] = []
        ring = metadata.token_map
        if ring is None or ring.token_class is not Murmur3Token:
            return
        known: dict[frozenset[Any], int] = {}
        for token in ring.ring:
            owners = frozenset(
                host
                for host in ring.get_replicas(keyspace, token)
                if local_dc is None or host.datacenter == local_dc
            )
            self._tokens.append(token.value)
            self._groups.append(known.setdefault(owners, len(known)))
        self._hosts = [tuple(owners) for owners in known]
        if len(known) == 1:
            self._tokens = []

    def group(self, partition: bytes) -> int:
        """Return the number of the set of replicas that own a partition key."""
        if not self._tokens:
            return 0
        found = bisect_left(self._tokens, Murmur3Token.hash_fn(partition))
        return self._groups[found if found < len(self._tokens) else 0]

    def hosts(self, group: int) -> tuple[Any, ...]:
        """Return the replicas of such a set; none if they are not known."""
        return self._hosts[group] if self._hosts else ()


def routing_key(parts: tuple[bytes, ...]) -> bytes:
    """Return the partition key of one column or several, as nodes hash it.

    The values come as they go over the wire.
    """
    if len(parts) == 1:
        return parts[0][PREFIX:]
    # A length of four bytes in front becomes one of two, and a zero behind.
    return b"".join([part[2:] + b"\x00" for part in parts])


def routing_key_bytes(width: int) -> int:
    """Return by how much a partition key of so many columns is longer than their values."""
    return 3 * width if width > 1 else 0
