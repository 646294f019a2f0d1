{{ sales_by('month', 'month_start') }}
