{{ config(tags=['products']) }}

{{ touched_members('dim_product', 'products', 'product_id', {'transactions': ['transaction_id'], 'events': ['event_id']}) }}
