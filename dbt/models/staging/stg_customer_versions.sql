{{ versions(source('raw', 'customers'), 'customer_id', [
    'first_name', 'last_name', 'email', 'phone', 'street', 'city', 'state', 'postal_code', 'country',
], touched=ref('touched_dim_customer'), deleted='is_deleted') }}
