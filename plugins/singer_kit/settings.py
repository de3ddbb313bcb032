"""Settings that several connectors have, in the same words."""

from __future__ import annotations

from enum import StrEnum

from singer_sdk import typing as th


class OnInvalidRecord(StrEnum):
    """What becomes of a record that a target cannot store."""

    FAIL = "fail"
    QUARANTINE = "quarantine"
    SKIP = "skip"


TAP_QUARANTINE = (
    th.Property(
        "quarantine_stream_suffix",
        th.StringType(min_length=1),
        default="__rejected",
        description="What a stream's quarantine stream has behind its name.",
    ),
    th.Property(
        "max_rejected_ratio",
        th.NumberType(minimum=0, maximum=1),
        default=0.1,
        description="Share of a stream's documents, from 1,000 on, whose rejection ends the run.",
    ),
)
"""What a tap does with documents that break their contract."""

TARGET_PASSWORD = (
    th.Property(
        "password", th.StringType, secret=True, title="Password", description="The role's password."
    ),
    th.Property(
        "password_file",
        th.StringType,
        secret=True,
        title="Password file",
        description="A file that holds the password alone, such as a mounted secret; read for "
        "each connection, so it may change under a run. Wins over password.",
    ),
)
"""How a target proves that it is the role it says."""

TARGET_QUARANTINE = (
    th.Property(
        "on_invalid_record",
        th.StringType,
        default=OnInvalidRecord.FAIL.value,
        allowed_values=[value.value for value in OnInvalidRecord],
        title="On an invalid record",
        description="End the load, put the record into <stream>__rejected, or only count it.",
    ),
    th.Property(
        "max_rejected_ratio",
        th.NumberType,
        default=0.1,
        title="Most rejected records",
        description="Part of a stream's records, 0 to 1, beyond which the load ends; counts "
        "from the stream's first 1,000 records on.",
    ),
)
"""What a target does with records that it cannot store."""
