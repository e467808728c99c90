#!/bin/sh
# Fetches what a vanilla image lacks. Each line of the list: SHA-256, kind, place, URL. Nothing is used before its sum is
# right; a second run fetches nothing that is in place.
set -eu
if [ -e /etc/capstan/proxy.env ]; then set -a; . /etc/capstan/proxy.env; set +a; fi
work=/var/cache/capstan
mkdir -p "$work" /opt/cni/bin
while read -r sum kind place url; do
    [ -e "$work/$sum.done" ] && continue
    echo "fetching $url"
    curl --fail --silent --show-error --location --retry 5 --retry-all-errors --connect-timeout 10 -o "$work/$sum" "$url"
    echo "$sum  $work/$sum" | sha256sum --check --quiet
    case $kind in
    program) install -D -m 0755 "$work/$sum" "$place" ;;
    archive) mkdir -p "$place" && tar -xzf "$work/$sum" --no-same-owner -C "$place" ;;
    esac
    rm "$work/$sum"
    touch "$work/$sum.done"
done < /etc/capstan/downloads

# kube-proxy brings its own, but the network plugins use the system's.
command -v iptables > /dev/null || { apt-get update && apt-get install -y --no-install-recommends iptables; }

# Without a configuration containerd would not read the drop-ins; one that is there is left alone. The pause image is
# kubeadm's: containerd's own default is another version, which a mirror need not have.
if [ ! -e /etc/containerd/config.toml ]; then
    pause=$(PATH=/usr/local/bin:$PATH kubeadm config images list --config /etc/capstan/kubeadm.yaml | grep /pause:)
    mkdir -p /etc/containerd/conf.d
    cat > /etc/containerd/conf.d/40-capstan.toml << TOML
version = 3
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = '$pause'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = 'io.containerd.runc.v2'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = true
TOML
    printf "version = 3\nimports = ['/etc/containerd/conf.d/*.toml']\n" > /etc/containerd/config.toml
fi
systemctl daemon-reload
