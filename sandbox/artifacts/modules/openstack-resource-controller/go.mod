module capstan.dev/sandbox/openstack-resource-controller

go 1.26.0

require github.com/k-orc/openstack-resource-controller/v2 v2.6.0
