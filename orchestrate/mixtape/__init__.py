"""What Meltano has not: services on one machine, the rap corpus, and the way into a cluster."""
