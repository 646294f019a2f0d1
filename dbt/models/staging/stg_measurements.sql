{{ landed_last(source('raw', 'measurements'), ['measurement_id'], [
    'measurement_id', 'measured_at', 'store_id', 'metric', 'value', 'unit', '_batch_id',
]) }}
    and measured_at >= {{ first_of_all() }}
