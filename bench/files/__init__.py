"""`python -m files`: tap-files, and target-postgres behind it, beside their floors in one run."""
