{{ config(meta={'by': ['week_start']}) }}

{{ sales_by('week', 'week_start', 'sales_weekly') }}
