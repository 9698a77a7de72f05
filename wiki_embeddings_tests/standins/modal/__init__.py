"""A small Modal for tests: its control plane, on this machine, with real containers.

`ControlPlane` speaks Modal's gRPC protocol. The unmodified client and command line deploy to it
and call what they deployed; each container is a process of Modal's own entrypoint, which fetches
its inputs and puts its outputs as it does on Modal. So what a test runs is the shipped app.

A test takes the fixture `modal_plane` (a `conftest.py` imports `modal_plane_fixture` from
`fixtures`), deploys with `modal_plane.deploy("some.module")`, and uses `modal.Function`,
`modal.Cls`, `modal.Volume` as ever. `modal_plane.faults` orders what goes wrong,
`modal_plane.stats` and `.containers` tell what happened, `.volumes` what was committed.

A container is a plain process, without a mount namespace. Its `/` is a folder of its own,
`container.root`: mounted code lies in `<root>/root`, which is its working directory; absolute
paths in the ENV commands of its image, and the mount paths of its volumes, are put below that
folder. So an app has to take its paths from variables of its image; a literal `/data` would be
this machine's. It sees the code that its deployment mounted and the packages of this interpreter,
no checkout, and of this process's variables only PATH. All that a plane writes is in one folder,
and no process outlives it.

How the real service behaves where its client does not tell, as modelled here:

- Containers start as soon as inputs wait, as many as it takes, up to `max_containers`; an idle one
  ends after its scaledown window. Whichever container asks first gets the next input.
- A container that dies is replaced without end, later and later if it never gets anything done;
  its inputs go to another one, ahead of the others, and no retry is counted.
- An input that takes longer than its function's timeout fails, its container is killed, and the
  retry policy decides. The time to start counts against the startup timeout only, which is the
  timeout where a function does not name one.
- Inputs of spawned calls are retried by the server, those of `remote` and `map` by the client.
- A cancelled input that runs is told so with the next heartbeat. With `terminate_containers` the
  container is interrupted, and killed after a grace. The same goes for an app that is stopped.
- A deployment is a new version of every function, even if nothing changed: containers of the one
  before finish what they work on and end.
- A request that is repeated with its idempotency key is answered from memory.
  `Options(remembers_requests=False)` lets clients find out what happens otherwise.
- A heartbeat is held for 14 s, or until there is a cancellation.

What is not modelled: image builds (each is "built" at once; layers and build functions are on
record), GPUs and limits of cores and memory (on record), generators, web endpoints, sandboxes,
dictionaries, queues, schedules (on record), logs for the client (`container.log` has them),
`min_containers` and buffers, changes of the autoscaler at run time, pinned versions, rollbacks,
environments besides `main`, network file systems, cloud buckets, regions, snapshots, clusters,
rate limits, the input plane, expiry of outputs, missed heartbeats, leases of inputs that expire,
preemption (kill a container instead), and batching of inputs (one at a time). An RPC that is not
modelled is answered with UNIMPLEMENTED and its name. What volumes do and do not is said in
`volumes`.
"""
