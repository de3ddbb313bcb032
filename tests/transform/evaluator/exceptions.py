"""What breaks a rule on purpose: the rule, what (a pattern of `fnmatch`), and why."""

from __future__ import annotations

CURRENT = "which rows of a file are current is decided once, in stg_files__files"
QUARANTINES = "quarantines are one table for each stream, and one thing to look at"
COVERED = "freshness is said of the streams; this table is written with them, or only on a fault"
BESIDE = "the texts' measures are kept apart from the lyrics, for only new texts to be measured"

EXCEPTIONS: tuple[tuple[str, str, str], ...] = (
    ("direct_join_to_source", "stg_files__* <- files.*", CURRENT),
    ("staging_dependent_on_staging", "stg_files__* <- stg_files__files", CURRENT),
    ("multiple_sources_joined", "stg_files__rejected <- *", QUARANTINES),
    ("sources_without_freshness", "files.*__rejected", COVERED),
    ("sources_without_freshness", "files._*", COVERED),
)
