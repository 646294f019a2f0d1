{{ landed_last(source('raw', 'transactions'), ['transaction_id', 'line_number'], [
    'transaction_id', 'line_number', 'transaction_timestamp', 'customer_id', 'product_id', 'store_id',
    'quantity', 'unit_price', 'discount_amount', 'currency', 'channel', '_batch_id',
]) }}
    and transaction_timestamp >= {{ first_of_all() }}
