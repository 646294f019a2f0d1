{{ config(tags=['transactions']) }}

{{ touched_members('dim_store', 'stores', 'store_id', {'transactions': ['transaction_id'], 'events': ['event_id'], 'measurements': ['measurement_id']}) }}
