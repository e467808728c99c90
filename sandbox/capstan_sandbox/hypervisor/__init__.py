"""Nova's hypervisor of the sandbox: a server is a booted systemd container."""
