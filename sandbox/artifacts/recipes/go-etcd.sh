#!/bin/bash
. "$SOURCE/recipes/go.sh"
enter etcd
build "$OUT/etcd" "" go.etcd.io/etcd/server/v3
build "$OUT/etcdctl" "" go.etcd.io/etcd/etcdctl/v3
