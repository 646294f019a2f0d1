"""The worker: it takes messages from the queue, brings in what they name, and runs pipelines."""
