{{ sales_by('week', 'week_start') }}
