"""Work that comes by message, and the same work on AWS: queue, worker, tasks, state machines, a local AWS."""
