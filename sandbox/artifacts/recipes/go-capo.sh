#!/bin/bash
# Cluster API provider OpenStack. Never "go mod tidy" its wrapper: one of its test dependencies may not be had everywhere.
. "$SOURCE/recipes/go.sh"
enter cluster-api-provider-openstack
build "$OUT/capo" "" sigs.k8s.io/cluster-api-provider-openstack
