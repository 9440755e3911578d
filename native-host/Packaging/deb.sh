#!/bin/sh
# deb.sh BINARY FOLDER [COMPRESSION]: makes FOLDER/tempo_VERSION_ARCH.deb of a published binary, and prints its path. The same inputs
# give the same bytes. Needs dpkg-deb; root is not needed. Compression: none, gzip or xz (the default).
set -eu
binary=$1 out=$2 compression=${3:-xz}
here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
version=$("$binary" -version | sed -n 's/^tempo, version \([^ ]*\).*/\1/p')
arch=$(dpkg --print-architecture)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
chmod 755 "$tree"
umask 022

install -D -m 755 "$binary" "$tree/usr/bin/tempo"
install -D -m 640 "$here/config.yml" "$tree/etc/tempo/config.yml"
install -D -m 644 "$here/tempo.service" "$tree/lib/systemd/system/tempo.service"
for text in README.md API.md LICENSE; do install -D -m 644 "$here/../../$text" "$tree/usr/share/doc/tempo/$text"; done

mkdir -m 755 "$tree/DEBIAN"
echo /etc/tempo/config.yml > "$tree/DEBIAN/conffiles"
cat > "$tree/DEBIAN/control" <<CONTROL
Package: tempo
Version: $version
Architecture: $arch
Maintainer: the authors of tempo
Section: net
Priority: optional
Depends: libc6 (>= 2.35), adduser
Recommends: ca-certificates, libssl3 | libssl3t64
Description: distributed tracing engine that takes the place of Grafana Tempo
 Receives spans by OTLP, Zipkin and Jaeger, keeps them in Parquet blocks, and answers TraceQL.
CONTROL
cat > "$tree/DEBIAN/postinst" <<'POSTINST'
#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
getent passwd tempo > /dev/null || adduser --system --group --no-create-home --home /var/lib/tempo tempo
# It may hold the keys of a bucket.
chown root:tempo /etc/tempo /etc/tempo/config.yml
# Beginning to serve is the operator's decision; an update of a running one is not.
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl try-restart tempo.service
fi
POSTINST
cat > "$tree/DEBIAN/prerm" <<'PRERM'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then systemctl --no-reload disable --now tempo.service; fi
PRERM
chmod 755 "$tree/DEBIAN/postinst" "$tree/DEBIAN/prerm"

# Times of files are part of the package.
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git -C "$here" log -1 --format=%ct 2> /dev/null || echo 0)}"
find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
mkdir -p "$out"
dpkg-deb --root-owner-group "-Z$compression" --build "$tree" "$out/tempo_${version}_$arch.deb" > /dev/null
echo "$out/tempo_${version}_$arch.deb"
