# The image of every run: the same `meltano run <job>` as on a laptop. Build it with `make image`.
#
# Layers go from what seldom changes to what often does: Python, the locked libraries, the
# project's packages, Meltano's files, dbt's models. A change of a model rebuilds the last alone.

# bookworm-20260610-slim; any Debian 12 will do (orchestrate/image/base.sh makes one).
ARG BASE=docker.io/library/debian:bookworm-slim@sha256:96e378d7e6531ac9a15ad505478fcc2e69f371b10f5cdf87857c4b8188404716

FROM ${BASE} AS python
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/* /var/log/* /var/cache/* \
    && groupadd --gid 10001 mixtape \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp \
        --shell /usr/sbin/nologin mixtape

FROM python AS build
# Byte-code stays valid whatever time stamps a registry gives to files.
ENV PYC_INVALIDATION_MODE=UNCHECKED_HASH UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
RUN apt-get update && apt-get install --yes --no-install-recommends python3-venv
COPY requirements/bootstrap.txt requirements/runtime.txt /build/
# The secret is for networks with a certificate authority of their own; most builds have none.
# Meltano installs plugins with pip, uv and virtualenv; in an image there is nothing to install.
RUN --mount=type=secret,id=ca_bundle,target=/run/ca.crt \
    if [ -s /run/ca.crt ]; then export SSL_CERT_FILE=/run/ca.crt PIP_CERT=/run/ca.crt; fi; \
    python3 -m venv /build/tools \
    && /build/tools/bin/pip install --quiet --no-cache-dir --require-hashes \
        --requirement /build/bootstrap.txt \
    && /build/tools/bin/uv venv --quiet --no-project --python /usr/bin/python3 /opt/mixtape \
    && VIRTUAL_ENV=/opt/mixtape /build/tools/bin/uv pip sync --quiet --no-cache \
        --require-hashes --compile-bytecode /build/runtime.txt \
    && /build/tools/bin/uv pip uninstall --quiet --python /opt/mixtape/bin/python \
        pip uv virtualenv \
    && echo /opt/packages >/opt/mixtape/lib/python3.11/site-packages/mixtape.pth

FROM build AS packages
COPY pyproject.toml README.md LICENSE /build/source/
COPY extract /build/source/extract
COPY plugins /build/source/plugins
COPY orchestrate/mixtape /build/source/orchestrate/mixtape
RUN cd /build/source \
    && PATH=/build/tools/bin:$PATH VIRTUAL_ENV=/build/tools uv build --quiet --wheel \
        --no-build-isolation --python /build/tools/bin/python --out-dir /build/wheel \
    && /build/tools/bin/uv pip install --quiet --no-cache --no-deps --no-index \
        --python /opt/mixtape/bin/python --target /opt/packages --compile-bytecode \
        /build/wheel/*.whl

FROM python
ENV PATH=/opt/packages/bin:/opt/mixtape/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    MELTANO_PROJECT_ROOT=/project \
    MELTANO_PROJECT_READONLY=1 \
    MELTANO_SYS_DIR_ROOT=/var/lib/meltano \
    MELTANO_RUN_FORCE=true \
    DBT_TARGET_PATH=/var/lib/meltano/dbt/target \
    DBT_LOG_PATH=/var/lib/meltano/dbt/logs
# What is written to is a volume of the run's; the rest of the root is only read.
RUN install --directory --mode=1777 /var/lib/meltano
WORKDIR /project
COPY --from=build /opt/mixtape /opt/mixtape
COPY --from=packages /opt/packages /opt/packages
COPY meltano.yml ./
COPY extract/extractors.meltano.yml extract/
COPY plugins/loaders.meltano.yml plugins/
COPY orchestrate/jobs.meltano.yml orchestrate/
COPY transform transform
USER 10001:10001
ENTRYPOINT ["meltano"]

ARG VERSION=0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="mixtape" \
      org.opencontainers.image.description="Rap as Code into PostgreSQL and Cassandra, modelled by dbt" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
