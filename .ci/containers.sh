# Sourced by what builds the image here: its tools, its base, and how its containers run.
#
# Needs root and Debian's buildah, podman, runc and debootstrap, which are installed where they are missing.
for program in buildah podman runc debootstrap; do
    command -v "$program" >/dev/null ||
        { apt-get update --quiet && apt-get install --yes --quiet --no-install-recommends "$program"; }
done
export BUILDER=buildah BUILDAH_ISOLATION=chroot BASE=localhost/mixtape-base:bookworm
export MIXTAPE_IMAGE=localhost/mixtape:test
CONTAINERS_CONF=$(realpath .ci/containers.conf)
export CONTAINERS_CONF
bash orchestrate/image/base.sh "$BASE"
