"""`python -m serving`: target-cassandra beside what else fills Cassandra, in one run."""
