{{ versions(source('raw', 'customers'), 'customer_id', [
    'first_name', 'last_name', 'email', 'phone', 'street', 'city', 'state', 'postal_code', 'country',
], deleted='is_deleted') }}
