#!/usr/bin/env python3
"""Copies the CRDs that the contract tests need out of the providers' Go modules, without descriptions.

Usage: strip.py GOMODCACHE [CAPO]      (`go env GOMODCACHE`; needs PyYAML)

CAPO is a work tree of cluster-api-provider-openstack at the commit NEWER; without it what is here of that is left alone.

Only the version that Capstan writes is kept of each CRD, as JSON with sorted keys: small, and easy to compare.
"""
import json
import pathlib
import sys

import yaml

HERE = pathlib.Path(__file__).resolve().parent
CAPI, CAPO, NEWER = "v1.14.2", "v0.14.7", "e52de58ab"
WANTED = [
    (f"cluster-api@{CAPI}", "core/config/crd/bases/cluster.x-k8s.io_{}.yaml",
     "v1beta2", ["clusters", "machinedeployments", "machinehealthchecks"]),
    (f"cluster-api@{CAPI}", "controlplane/kubeadm/config/crd/bases/controlplane.cluster.x-k8s.io_{}.yaml",
     "v1beta2", ["kubeadmcontrolplanes"]),
    (f"cluster-api@{CAPI}", "bootstrap/kubeadm/config/crd/bases/bootstrap.cluster.x-k8s.io_{}.yaml",
     "v1beta2", ["kubeadmconfigtemplates"]),
    (f"cluster-api-provider-openstack@{CAPO}", "config/crd/bases/infrastructure.cluster.x-k8s.io_{}.yaml",
     "v1beta1", ["openstackclusters", "openstackmachinetemplates"]),
]
OF_NEWER = ("v1beta2", ["openstackclusters", "openstackmachinetemplates"])


def stripped(node):
    """The schema without descriptions; a property that is itself called "description" stays."""
    if isinstance(node, dict):
        return {key: stripped(value) for key, value in node.items()
                if not (key == "description" and isinstance(value, str))}
    if isinstance(node, list):
        return [stripped(item) for item in node]
    return node


def main():
    cache = pathlib.Path(sys.argv[1]) / "sigs.k8s.io"
    sources = [(cache / module, module.replace("@", "-"), *rest) for module, *rest in WANTED]
    if len(sys.argv) > 2:
        sources.append((pathlib.Path(sys.argv[2]), f"cluster-api-provider-openstack-{NEWER}", WANTED[-1][1], *OF_NEWER))
    for source, folder, pattern, version, plurals in sources:
        for plural in plurals:
            crd = yaml.safe_load((source / pattern.format(plural)).read_text())
            schema = next(v["schema"]["openAPIV3Schema"] for v in crd["spec"]["versions"] if v["name"] == version)
            target = HERE / folder / f"{plural}.{version}.json"
            target.parent.mkdir(exist_ok=True)
            target.write_text(json.dumps(stripped(schema), indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
