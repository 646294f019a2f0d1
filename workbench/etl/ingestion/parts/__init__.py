"""A large file in parts that are held to the contract side by side, by Spark."""
