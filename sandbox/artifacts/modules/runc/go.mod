module capstan.dev/sandbox/runc

go 1.26.0

require github.com/opencontainers/runc v1.3.4
