"""`python -m changes`: tap-mongodb beside its peer and a bare cursor, on one server in one run."""
