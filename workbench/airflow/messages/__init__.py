"""Messages of the queue in Airflow: events of an asset, and the tasks that do what they say."""
