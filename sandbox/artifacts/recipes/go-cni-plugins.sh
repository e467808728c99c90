#!/bin/bash
. "$SOURCE/recipes/go.sh"
enter cni-plugins
module=github.com/containernetworking/plugins
build "$OUT/" "-X $module/pkg/utils/buildversion.BuildVersion=$VERSION_CNI_PLUGINS" \
    $module/plugins/ipam/{dhcp,host-local,static} \
    $module/plugins/main/{bridge,dummy,host-device,ipvlan,loopback,macvlan,ptp,tap,vlan} \
    $module/plugins/meta/{bandwidth,firewall,portmap,sbr,tuning,vrf}
