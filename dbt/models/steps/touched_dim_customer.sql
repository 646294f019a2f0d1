{{ config(tags=['customers']) }}

{{ touched_members('dim_customer', 'customers', 'customer_id', {'transactions': ['transaction_id'], 'events': ['event_id']}) }}
