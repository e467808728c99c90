"""The data plane: what Neutron and Octavia want, made true in the kernel.

`database` and `records` read the wanted objects into one `Snapshot`; `wanted` computes from it, without any I/O, the
`KernelState` that has to be; `kernel` reads the one that is; `plan` names the differences; `apply` removes them;
`acknowledge` tells who may now believe what. `reconcile` strings one pass together, `server` is the socket by which
others wake the process and hear its acknowledgements.
"""
