#!/bin/sh
# First boot of a management server: makes one Kubernetes node of this machine. Run by capstan-boot.service until it has
# succeeded once; safe to run again after a crash or a reboot at any point.
set -eu
. /etc/capstan/boot.env
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
log=/var/log/capstan-boot.log
touch "$log" && chmod 0600 "$log"

# The console is what the owner can read without a login: milestones go there, and the reason of a failure.
console() { echo "capstan: $*" >> "$log"; echo "capstan: $*" > /dev/console 2> /dev/null || true; }
failed() {
    code=$?
    trap - EXIT
    [ "$code" = 0 ] && return
    # What the runtime could not do (an image it cannot pull, say) is not in kubeadm's own words.
    { tail -n 15 "$log"; journalctl --unit containerd.service --output cat --no-pager 2> /dev/null |
        grep level=error | tail -n 2 | cut -c 1-600; } |
        while IFS= read -r line; do echo "capstan: | $line" > /dev/console 2> /dev/null || true; done
    console "failed $step"
    exit "$code"
}
step="to start"
trap failed EXIT

console "milestone 1 booted"
grep -qw "$NODE_NAME" /etc/hosts || echo "$PRIVATE_ADDRESS $NODE_NAME" >> /etc/hosts
/usr/local/lib/capstan/sysctl.sh /etc/sysctl.d/50-capstan.conf 2>> "$log" |
    while IFS= read -r line; do console "warning $line"; done

if [ -e /usr/local/lib/capstan/download.sh ]; then
    step="to fetch Kubernetes"
    console "milestone 2 fetching Kubernetes"
    /usr/local/lib/capstan/download.sh >> "$log" 2>&1
fi

step="to start the container runtime"
# Restarted, because it may have been started before our drop-ins were written.
systemctl enable containerd.service kubelet.service >> "$log" 2>&1
systemctl restart containerd.service >> "$log" 2>&1
console "milestone 3 container runtime runs"

step="to start the control plane"
if [ ! -e /etc/kubernetes/admin.conf ] || [ -e /etc/capstan/init-started ]; then
    # A reboot in the middle of kubeadm leaves a half-made control plane that it refuses to go on with.
    if [ -e /etc/capstan/init-started ]; then kubeadm reset --force >> "$log" 2>&1; fi
    touch /etc/capstan/init-started
    mkdir -p /etc/kubernetes/pki
    cp -a /etc/capstan/pki/. /etc/kubernetes/pki/
    instance_id=$(cat /var/lib/cloud/data/instance-id)
    sed "s/INSTANCE_ID/$instance_id/" /etc/capstan/kubeadm.yaml > /run/capstan-kubeadm.yaml
    console "milestone 4 starting the control plane"
    kubeadm init --config /run/capstan-kubeadm.yaml --skip-token-print >> "$log" 2>&1
    rm -f /etc/capstan/init-started
fi
console "milestone 5 control plane runs"
rm -rf /etc/capstan/pki
touch /etc/capstan/booted
console "milestone 6 ready"
