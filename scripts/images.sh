#!/usr/bin/env bash
# Builds images without a docker engine, with Debian's buildah, on a Debian that mmdebstrap makes: images.sh [NAME...]
# What hasn't changed since comes from its layers. They lie in the folder that WORKBENCH_IMAGES names, by default .images;
# `buildah --root .images/store` looks at them, and without that folder all is built anew.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- python-processor spark-processor airflow mlflow lab redshift-local
for name in "$@"; do
    if [ "$name" = base ] || [ ! -f "containers/$name/Dockerfile" ]; then
        known=$(ls -d containers/*/ | sed 's,containers/\(.*\)/,\1,' | grep -vx base | paste -sd, | sed 's/,/, /g')
        echo "no image '$name'; there are $known" >&2
        exit 2
    fi
done
images=${WORKBENCH_IMAGES:-$PWD/.images}
secrets=$(mktemp -d)
trap 'rm -rf "$secrets"' EXIT
# Layers on their way lie beside the images, not where a small disk may be.
mkdir -p "$images/tmp"
export TMPDIR=$images/tmp
buildah=(buildah --root "$images/store" --runroot "$images/run")

if [ "$(id -u)" != 0 ]; then
    echo "images are built as root here; with a docker engine: docker compose build" >&2
    exit 2
fi
if ! command -v buildah >/dev/null || ! command -v mmdebstrap >/dev/null || ! command -v bwrap >/dev/null; then
    echo "== installing buildah, mmdebstrap and bubblewrap from Debian"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends buildah mmdebstrap bubblewrap >/dev/null
fi

# What leads pip and uv to packages on this machine leads them there inside, while they build.
for variable in $(compgen -e | grep -E '^((PIP|UV)_.*(INDEX|PROXY|HOST|TIMEOUT).*|[a-z]+_proxy|[A-Z]+_PROXY)$'); do
    printf 'export %s=%q\n' "$variable" "${!variable}" >>"$secrets/index"
done
touch "$secrets/index"
# So does pip's own configuration, whose values are quoted as they are listed.
while IFS='=' read -r name value; do
    variable=PIP_$(tr a-z- A-Z_ <<<"${name#*.}")
    [ -n "${!variable:-}" ] || printf 'export %s=%s\n' "$variable" "$value" >>"$secrets/index"
    [ "${variable#PIP_INDEX}" = "$variable" ] || [ -n "${UV_DEFAULT_INDEX:-}" ] ||
        printf 'export UV_DEFAULT_INDEX=%s\n' "$value" >>"$secrets/index"
done < <(python3 -m pip config list 2>/dev/null | grep -E '^global\.(index|trusted|proxy)[a-z-]*=')
authorities=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
if [ -f "$authorities" ]; then
    cp "$authorities" "$secrets/ca"
    echo 'export PIP_CERT=/run/secrets/ca SSL_CERT_FILE=/run/secrets/ca REQUESTS_CA_BUNDLE=/run/secrets/ca' >>"$secrets/index"
fi

build() {
    local began=$SECONDS
    "${buildah[@]}" bud --quiet --layers --isolation chroot --network host --format docker --build-arg "BASE=$2" \
        --secret "id=index,src=$secrets/index" ${3:+--secret "id=ca,src=$secrets/ca"} \
        --file "containers/$1/Dockerfile" --tag "workbench/$1" . >/dev/null
    printf '%-18s %-8s %d s\n' "$1" "$("${buildah[@]}" images --format '{{.Size}}' "workbench/$1" | tr -d ' ')" $((SECONDS - began))
}

ca=""
[ ! -f "$secrets/ca" ] || ca=yes
if ! "${buildah[@]}" inspect --type image workbench/debian >/dev/null 2>&1; then
    echo "== making a Debian"
    mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Languages "none"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --customize-hook='rm -f "$1"/var/cache/apt/*.bin' bookworm "$secrets/debian.tar"
    container=$("${buildah[@]}" from scratch)
    "${buildah[@]}" add --quiet "$container" "$secrets/debian.tar" / >/dev/null
    "${buildah[@]}" commit --quiet --rm "$container" workbench/debian >/dev/null
fi
build base workbench/debian "$ca"
for name in "$@"; do
    # PostgreSQL comes from Debian itself, all others stand on Python.
    [ "$name" = redshift-local ] && base=workbench/debian || base=workbench/base
    build "$name" "$base" "$ca"
done
