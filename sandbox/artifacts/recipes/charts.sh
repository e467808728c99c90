#!/bin/bash
# Charts out of the components' own modules, packaged by our helm: <chart>/<version>/<file as upstream publishes it>.
. "$SOURCE/recipes/go.sh"
helm=$IN_GO_HELM/helm
export HELM_CACHE_HOME=$PWD/helm HELM_CONFIG_HOME=$PWD/helm HELM_DATA_HOME=$PWD/helm
module() { (cd "$SOURCE/modules/$1" && go mod download "$2" && go list -m -f '{{.Dir}}' "$2"); }

flannel=$(module flannel github.com/flannel-io/flannel)
mkdir -p "$OUT/flannel/$VERSION_FLANNEL"
"$helm" package "$flannel/chart/kube-flannel" --destination "$OUT/flannel/$VERSION_FLANNEL"
mv "$OUT/flannel/$VERSION_FLANNEL"/flannel-*.tgz "$OUT/flannel/$VERSION_FLANNEL/flannel.tgz"

cpo=$(module cloud-provider-openstack k8s.io/cloud-provider-openstack)
for chart in openstack-cloud-controller-manager cinder-csi-plugin; do
    cp -r --no-preserve=mode "$cpo/charts/$chart" "$chart"
    if grep -q 'name: common' "$chart/Chart.yaml"; then
        # Bitnami's library chart is not in the module. All that is used of it is one helper, and that is ours here.
        mkdir -p "$chart/charts"
        cp -r "$SOURCE/charts/common" "$chart/charts/common"
        sed -i '/^dependencies:/,$d' "$chart/Chart.yaml"
        printf 'dependencies:\n  - name: common\n    version: 2.14.1\n    repository: ""\n' >> "$chart/Chart.yaml"
        rm -f "$chart/Chart.lock"
    fi
    name=$(sed -n 's/^name: //p' "$chart/Chart.yaml")
    version=$(sed -n 's/^version: //p' "$chart/Chart.yaml")
    mkdir -p "$OUT/$name/$version"
    "$helm" package "$chart" --destination "$OUT/$name/$version"
done

# A chart that does not render is no chart.
for chart in "$OUT"/*/*/*.tgz; do
    "$helm" template check "$chart" > /dev/null
done
