"""What breaks a rule on purpose: the rule, what (a pattern of `fnmatch`), and why."""

from __future__ import annotations

EXCEPTIONS: tuple[tuple[str, str, str], ...] = (
    *(
        (rule, pattern, "which rows of a file are current is decided once, in stg_files__files")
        for rule, pattern in (
            ("direct_join_to_source", "stg_files__* <- files.*"),
            ("staging_dependent_on_staging", "stg_files__* <- stg_files__files"),
        )
    ),
    (
        "multiple_sources_joined",
        "stg_*__rejected <- *",
        "quarantines are one table for each stream, and one thing to look at",
    ),
    (
        "hard_coded_references",
        "dim_meetups",
        "which time zones the server knows is asked of its own catalogue",
    ),
    *(
        (
            "rejoining_of_upstream_concepts",
            pattern,
            "what is costly or asked alone is made in a step of its own, then put beside the rest",
        )
        for pattern in (
            "fct_lyric_releases <- int_lyrics__lyrics_measured, *",
            "int_lyrics__lyrics_measured <- int_lyrics__lyrics_united, *",
            "int_plays__lyric_days_counted <- int_plays__lyric_days_changed, *",
        )
    ),
    *(
        (
            rule,
            pattern,
            "it grows without end: what is new of it is tested in intermediate",
        )
        for rule in ("missing_primary_key_tests", "test_coverage")
        for pattern in ("stg_mongo__plays", "stg_mongo__*_changes")
    ),
    (
        "exposure_parents_materializations",
        "* <- metric_*",
        "a metric is one view, so that it is defined once; it groups a mart of some thousand rows",
    ),
    ("root_models", "dim_dates", "a calendar comes out of nothing"),
    *(
        (
            "sources_without_freshness",
            pattern,
            "written with the streams, whose freshness is said; it may rightly have no new row",
        )
        for pattern in ("*.*__rejected", "mongo.*__changes", "files._files", "*._sdc_loads")
    ),
)
