# shellcheck shell=sh disable=SC2154,SC2016
# Changelogs of versions that are pending: from the distribution where the host may ask it, else out of the package itself.
# Runs as the login user and changes nothing; WANTED (`name=version` words) comes from the caller, who looked at each.
LARGEST=30000000
LONGEST=40000

changelog() {
    folder=$(mktemp -d) || return 73
    (cd "$folder" && { asked "$1" || packed "$1"; })
    status=$?
    rm -rf "$folder"
    return "$status"
}

asked() {
    timeout 40 apt-get -q changelog --download-only -o Acquire::Retries=0 -o Acquire::http::Timeout=10 -o Acquire::https::Timeout=10 \
        "$1" >/dev/null 2>&1 || return 1
    for file in *.changelog; do
        [ -s "$file" ] && head -c "$LONGEST" "$file" && return
    done
    return 1
}

packed() {
    size=$(apt-cache show --no-all-versions "$1" 2>/dev/null | sed -n 's/^Size: //p' | head -n 1)
    case $size in '' | *[!0-9]*) echo "its size is not known" >&2 && return 1 ;; esac
    [ "$size" -le "$LARGEST" ] || { echo "the package is too large to fetch for its changelog ($size bytes)" >&2 && return 1; }
    timeout 60 apt-get -q download "$1" >/dev/null || return 1
    name=${1%%=*}
    for path in "changelog.Debian.gz" "changelog.gz"; do
        dpkg-deb --fsys-tarfile ./*.deb | tar -xO "./usr/share/doc/${name%%:*}/$path" 2>/dev/null >found && [ -s found ] &&
            gunzip -c <found | head -c "$LONGEST" && return
    done
    echo "the package carries no changelog" >&2
    return 1
}

# shellcheck disable=SC2153
for one in $WANTED; do
    section "$one" changelog "$one"
done
