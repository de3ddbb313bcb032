"""What runs in a cluster, rendered from Meltano's jobs and schedules and the list of clusters.

Meltano's files say what runs and when, `orchestrate/clusters.yml` says where; each concern of the
rendered objects has one module here (security, resources, schedule, locks, stores, …), and
:mod:`mixtape.render.tree` puts them into files. Only engineers' machines and CI render: the
libraries it needs are not in the image.
"""
