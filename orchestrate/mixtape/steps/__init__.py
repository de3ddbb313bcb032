"""The steps around a load, each a Meltano command: `meltano run files-to-facts`.

    check → validate → quality → insights → manifest tap target → dbt build → record → report

`check` writes down which files there are to load; everything behind it speaks of those versions
alone. What a step finds is rows beside the loaded tables (:mod:`mixtape.steps.tables`), under the
run's id, so a step that is tried again replaces what it wrote, and steps may run in pods that
share nothing. A step that fails ends the run: nothing of it is loaded before all have passed.

The steps know a tap by its messages and a target by its tables: what they say of a file is what
the load will make of it.
"""
