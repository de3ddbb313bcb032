"""`make bench-loaders`: target-postgres beside the loaders people use today, in one run."""
