"""Projects to render, as a person writes them: one with every store and kind of object."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MELTANO = """
    project_id: render
    include_paths:
      - jobs.meltano.yml
    environments:
      - name: prod
      - name: stage
    plugins:
      extractors:
        - name: tap-files
        - name: tap-mongodb
      loaders:
        - name: target-postgres
          config: {default_target_schema: raw_files}
        - name: target-postgres--mongo
          inherit_from: target-postgres
          config: {default_target_schema: raw_mongo}
        - name: target-cassandra
          config: {keyspace: rap}
      utilities:
        - name: dbt
        - name: load-steps
          config: {tap: tap-files, target: target-postgres}
    """

JOBS = """
    jobs:
      - name: files-to-postgres
        tasks: [tap-files target-postgres]
      - name: mongo-to-postgres
        tasks: [tap-mongodb target-postgres--mongo]
      - name: mongo-to-cassandra
        tasks: tap-mongodb target-cassandra
      - name: transform
        tasks: ["dbt:build"]
      - name: everything
        tasks:
          - load-steps:check
          - load-steps:manifest tap-files target-postgres
          - [tap-mongodb, target-postgres--mongo]
          - dbt:build
    schedules:
      - name: files
        job: files-to-postgres
        interval: "@hourly"
        annotations: {mixtape: {on_upload: true, owner: files-team}}
      - name: mongo
        job: mongo-to-postgres
        interval: "*/5 * * * *"
      - name: serving
        job: mongo-to-cassandra
        interval: "* * * * *"
      - name: models
        job: transform
        interval: "30 * * * *"
      - name: nightly
        job: everything
        interval: "@daily"
        annotations: {mixtape: {state_id_suffix: nightly, deadline_seconds: 7200}}
    """

CLUSTERS = """
    owner: data
    step_by_step: [everything]
    clusters:
      - name: one
        environment: prod
        production: true
        schedules: ["*"]
        image: registry.example/mixtape@sha256:{digest}
        api_server: 10.0.0.1/32
        dns: 169.254.20.10/32
        settings: {{MELTANO_STATE_BACKEND_URI: "s3://state/prod", {stores}}}
        stores: {{mongodb: 192.168.7.0/24}}
        webhook: 198.51.100.7/32
        event_bus: {{url: "tls://nats.example:4222", cidr: 10.2.0.0/28}}
      - name: two
        environment: stage
        schedules: [files, models]
        image: registry.example/mixtape@sha256:{digest}
        api_server: 10.0.0.2/32
        settings: {{MELTANO_STATE_BACKEND_URI: "s3://state/stage", {stores}}}
    """.format(
    digest="1" * 64,
    stores="DBT_POSTGRES_HOST: pg.example, TARGET_POSTGRES_HOST: pg.example,"
    " TARGET_CASSANDRA_CONTACT_POINTS: '[\"cs.example\"]'",
)


def write(
    root: Path, *, meltano: str = MELTANO, jobs: str = JOBS, clusters: str = CLUSTERS
) -> Path:
    """Write a project's files, over the ones that are there, and return its root."""
    (root / "orchestrate").mkdir(exist_ok=True)
    (root / "meltano.yml").write_text(dedent(meltano))
    (root / "jobs.meltano.yml").write_text(dedent(jobs))
    (root / "orchestrate" / "clusters.yml").write_text(dedent(clusters))
    return root
