module capstan.dev/sandbox/cloud-provider-openstack

go 1.26.0

require k8s.io/cloud-provider-openstack v1.36.0
