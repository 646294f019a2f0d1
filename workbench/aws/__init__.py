"""The same work on AWS: tasks on ECS, state machines, metrics, runs kept in S3, and a local AWS."""
