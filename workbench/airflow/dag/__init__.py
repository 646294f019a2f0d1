"""What a DAG has of a pipeline's map and notebooks: parameters, words, pools and times."""
