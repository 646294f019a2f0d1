"""What is known of runs: one record a run, in files, in the warehouse and in MLflow."""
