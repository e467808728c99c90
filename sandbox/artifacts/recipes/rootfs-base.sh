#!/bin/bash
# A Debian root file system with systemd and cloud-init: what the node image and the vanilla image have in common.
set -euo pipefail

# The host's package source for this suite when it is a Debian itself (then its mirrors and proxies work here too).
suite=bookworm
source_of() {
    apt-get indextargets --format '$(SUITE) $(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        awk -v suite="$1" '($1 == suite || $2 == suite) && $3 == "main" { print $4; exit }'
}
main=${CAPSTAN_DEBIAN_MIRROR:-$(source_of $suite)}
main=${main:-http://deb.debian.org/debian}
updates=${CAPSTAN_DEBIAN_MIRROR:-$(source_of $suite-updates)}
security=${CAPSTAN_DEBIAN_SECURITY_MIRROR:-$(source_of $suite-security)}
security=${security:-http://security.debian.org/debian-security}

packages=(
    systemd systemd-sysv dbus libpam-systemd udev kmod procps mount fdisk util-linux e2fsprogs
    cloud-init openssh-server sudo python3-minimal ca-certificates curl
    iproute2 iptables nftables conntrack ethtool socat iputils-ping netcat-openbsd
)

# The host's proxy and certificate settings, while building; nothing of them stays in the image.
apt-config dump | grep -E '^Acquire::(http|https|Check|Retries)' > host-apt.conf || true

mmdebstrap --quiet --mode=root --variant=minbase --include="$(IFS=,; echo "${packages[*]}")" \
    --aptopt="$PWD/host-apt.conf" --dpkgopt=force-unsafe-io \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --customize-hook='rm -f "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap' \
    $suite "$OUT/rootfs" \
    "deb $main $suite main" "deb ${updates:-$main} $suite-updates main" "deb $security $suite-security main"
root=$OUT/rootfs

# What a cloud image has: no identity of its own, upstream's package sources, name resolution left to the cloud.
: > "$root/etc/machine-id"
: > "$root/etc/resolv.conf"
echo localhost > "$root/etc/hostname"
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' > "$root/etc/hosts"
rm -f "$root"/etc/ssh/ssh_host_* "$root"/etc/apt/sources.list
cat > "$root/etc/apt/sources.list.d/debian.sources" <<END
Types: deb
URIs: http://deb.debian.org/debian
Suites: $suite $suite-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://security.debian.org/debian-security
Suites: $suite-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END

for unit in cloud-init-local cloud-init cloud-config cloud-final ssh; do
    systemctl --root="$root" enable "$unit.service"
done

dpkg-query --admindir="$root/var/lib/dpkg" --show --showformat '${Package} ${Version}\n' > "$OUT/packages.txt"
