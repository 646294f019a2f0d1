{{ sales_by('day', 'sales_date') }}
