"""Tasks of Airflow that run stages: here or on ECS, with what they run with and what they leave."""
