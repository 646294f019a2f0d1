{#- Written by `make docs` from workbench/schema/units.py. -#}

{#- (value - subtract) * factor + add_on is in the target, which a metric wants or which is the quantity's own. -#}
{% macro unit_conversions() -%}
    select 'kg' as spelling, '' as wanted, 'kg' as target, cast(0 as decimal(18, 6)) as subtract, cast(1.000000000000 as decimal(18, 12)) as factor, cast(0 as decimal(18, 6)) as add_on
    union all
    select 'kgs', '', 'kg', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kilo', '', 'kg', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kilos', '', 'kg', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kilogram', '', 'kg', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kilograms', '', 'kg', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kilogramme', '', 'kg', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kilogrammes', '', 'kg', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'g', '', 'kg', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'gr', '', 'kg', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'gm', '', 'kg', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'gram', '', 'kg', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'grams', '', 'kg', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'gramme', '', 'kg', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'grammes', '', 'kg', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'mg', '', 'kg', cast(0 as decimal(18, 6)), cast(0.000001000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'milligram', '', 'kg', cast(0 as decimal(18, 6)), cast(0.000001000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'milligrams', '', 'kg', cast(0 as decimal(18, 6)), cast(0.000001000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 't', '', 'kg', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'tonne', '', 'kg', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'tonnes', '', 'kg', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'lb', '', 'kg', cast(0 as decimal(18, 6)), cast(0.453592370000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'lbs', '', 'kg', cast(0 as decimal(18, 6)), cast(0.453592370000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'pound', '', 'kg', cast(0 as decimal(18, 6)), cast(0.453592370000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'pounds', '', 'kg', cast(0 as decimal(18, 6)), cast(0.453592370000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'oz', '', 'kg', cast(0 as decimal(18, 6)), cast(0.028349523125 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'ounce', '', 'kg', cast(0 as decimal(18, 6)), cast(0.028349523125 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'ounces', '', 'kg', cast(0 as decimal(18, 6)), cast(0.028349523125 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select '°c', '', '°C', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'c', '', '°C', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'cel', '', '°C', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'celsius', '', '°C', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'degc', '', '°C', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'deg_c', '', '°C', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'degree_celsius', '', '°C', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'degrees_celsius', '', '°C', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select '°f', '', '°C', cast(32 as decimal(18, 6)), cast(0.555555555556 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'f', '', '°C', cast(32 as decimal(18, 6)), cast(0.555555555556 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'degf', '', '°C', cast(32 as decimal(18, 6)), cast(0.555555555556 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'deg_f', '', '°C', cast(32 as decimal(18, 6)), cast(0.555555555556 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'fahrenheit', '', '°C', cast(32 as decimal(18, 6)), cast(0.555555555556 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'degree_fahrenheit', '', '°C', cast(32 as decimal(18, 6)), cast(0.555555555556 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'degrees_fahrenheit', '', '°C', cast(32 as decimal(18, 6)), cast(0.555555555556 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'k', '', '°C', cast(273.15 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kelvin', '', '°C', cast(273.15 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kelvins', '', '°C', cast(273.15 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'm', '', 'm', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'm', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'metre', '', 'm', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'metre', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'metres', '', 'm', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'metres', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'meter', '', 'm', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'meter', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'meters', '', 'm', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'meters', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'km', '', 'm', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'km', 'km', 'km', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kilometre', '', 'm', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kilometre', 'km', 'km', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kilometres', '', 'm', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kilometres', 'km', 'km', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kilometer', '', 'm', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kilometer', 'km', 'km', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kilometers', '', 'm', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kilometers', 'km', 'km', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'cm', '', 'm', cast(0 as decimal(18, 6)), cast(0.010000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'cm', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.000010000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'centimetre', '', 'm', cast(0 as decimal(18, 6)), cast(0.010000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'centimetre', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.000010000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'centimetres', '', 'm', cast(0 as decimal(18, 6)), cast(0.010000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'centimetres', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.000010000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'centimeter', '', 'm', cast(0 as decimal(18, 6)), cast(0.010000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'centimeter', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.000010000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'centimeters', '', 'm', cast(0 as decimal(18, 6)), cast(0.010000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'centimeters', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.000010000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'mm', '', 'm', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'mm', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.000001000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'millimetre', '', 'm', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'millimetre', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.000001000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'millimetres', '', 'm', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'millimetres', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.000001000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'millimeter', '', 'm', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'millimeter', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.000001000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'millimeters', '', 'm', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'millimeters', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.000001000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'mi', '', 'm', cast(0 as decimal(18, 6)), cast(1609.344000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'mi', 'km', 'km', cast(0 as decimal(18, 6)), cast(1.609344000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'mile', '', 'm', cast(0 as decimal(18, 6)), cast(1609.344000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'mile', 'km', 'km', cast(0 as decimal(18, 6)), cast(1.609344000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'miles', '', 'm', cast(0 as decimal(18, 6)), cast(1609.344000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'miles', 'km', 'km', cast(0 as decimal(18, 6)), cast(1.609344000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'ft', '', 'm', cast(0 as decimal(18, 6)), cast(0.304800000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'ft', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.000304800000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'foot', '', 'm', cast(0 as decimal(18, 6)), cast(0.304800000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'foot', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.000304800000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'feet', '', 'm', cast(0 as decimal(18, 6)), cast(0.304800000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'feet', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.000304800000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'in', '', 'm', cast(0 as decimal(18, 6)), cast(0.025400000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'in', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.000025400000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'inch', '', 'm', cast(0 as decimal(18, 6)), cast(0.025400000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'inch', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.000025400000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'inches', '', 'm', cast(0 as decimal(18, 6)), cast(0.025400000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'inches', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.000025400000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'yd', '', 'm', cast(0 as decimal(18, 6)), cast(0.914400000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'yd', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.000914400000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'yard', '', 'm', cast(0 as decimal(18, 6)), cast(0.914400000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'yard', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.000914400000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'yards', '', 'm', cast(0 as decimal(18, 6)), cast(0.914400000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'yards', 'km', 'km', cast(0 as decimal(18, 6)), cast(0.000914400000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'l', '', 'l', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'litre', '', 'l', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'litres', '', 'l', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'liter', '', 'l', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'liters', '', 'l', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'ltr', '', 'l', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'ml', '', 'l', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'millilitre', '', 'l', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'millilitres', '', 'l', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'milliliter', '', 'l', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'milliliters', '', 'l', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'm3', '', 'l', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'm³', '', 'l', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'cbm', '', 'l', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'cubic_metre', '', 'l', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'cubic_metres', '', 'l', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'cubic_meter', '', 'l', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'cubic_meters', '', 'l', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'gal', '', 'l', cast(0 as decimal(18, 6)), cast(3.785411784000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'gallon', '', 'l', cast(0 as decimal(18, 6)), cast(3.785411784000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'gallons', '', 'l', cast(0 as decimal(18, 6)), cast(3.785411784000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'us_gal', '', 'l', cast(0 as decimal(18, 6)), cast(3.785411784000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'gal_us', '', 'l', cast(0 as decimal(18, 6)), cast(3.785411784000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'us_gallon', '', 'l', cast(0 as decimal(18, 6)), cast(3.785411784000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'imp_gal', '', 'l', cast(0 as decimal(18, 6)), cast(4.546090000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'gal_imp', '', 'l', cast(0 as decimal(18, 6)), cast(4.546090000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'gal_uk', '', 'l', cast(0 as decimal(18, 6)), cast(4.546090000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'uk_gal', '', 'l', cast(0 as decimal(18, 6)), cast(4.546090000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'imperial_gallon', '', 'l', cast(0 as decimal(18, 6)), cast(4.546090000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'fl_oz', '', 'l', cast(0 as decimal(18, 6)), cast(0.029573529563 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'floz', '', 'l', cast(0 as decimal(18, 6)), cast(0.029573529563 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'fl.oz', '', 'l', cast(0 as decimal(18, 6)), cast(0.029573529563 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'fluid_ounce', '', 'l', cast(0 as decimal(18, 6)), cast(0.029573529563 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'fluid_ounces', '', 'l', cast(0 as decimal(18, 6)), cast(0.029573529563 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select '%', '', '%', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'pct', '', '%', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'percent', '', '%', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'per_cent', '', '%', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select '%rh', '', '%', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'rh', '', '%', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'fraction', '', '%', cast(0 as decimal(18, 6)), cast(100.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'ratio', '', '%', cast(0 as decimal(18, 6)), cast(100.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select '1', '', '1', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'count', '', '1', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'counts', '', '1', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'number', '', '1', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'pcs', '', '1', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'pc', '', '1', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'piece', '', '1', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'pieces', '', '1', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'ea', '', '1', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'each', '', '1', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'people', '', '1', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'persons', '', '1', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'visitors', '', '1', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'items', '', '1', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'm2', '', 'm2', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'm²', '', 'm2', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'sqm', '', 'm2', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'square_metre', '', 'm2', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'square_metres', '', 'm2', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'square_meter', '', 'm2', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'square_meters', '', 'm2', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'ft2', '', 'm2', cast(0 as decimal(18, 6)), cast(0.092903040000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'ft²', '', 'm2', cast(0 as decimal(18, 6)), cast(0.092903040000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'sqft', '', 'm2', cast(0 as decimal(18, 6)), cast(0.092903040000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'square_foot', '', 'm2', cast(0 as decimal(18, 6)), cast(0.092903040000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'square_feet', '', 'm2', cast(0 as decimal(18, 6)), cast(0.092903040000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'km/h', '', 'km/h', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kmh', '', 'km/h', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kph', '', 'km/h', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'm/s', '', 'km/h', cast(0 as decimal(18, 6)), cast(3.600000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'mps', '', 'km/h', cast(0 as decimal(18, 6)), cast(3.600000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'mph', '', 'km/h', cast(0 as decimal(18, 6)), cast(1.609344000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'hpa', '', 'hPa', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'mbar', '', 'hPa', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'millibar', '', 'hPa', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'pa', '', 'hPa', cast(0 as decimal(18, 6)), cast(0.010000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'pascal', '', 'hPa', cast(0 as decimal(18, 6)), cast(0.010000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'pascals', '', 'hPa', cast(0 as decimal(18, 6)), cast(0.010000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kpa', '', 'hPa', cast(0 as decimal(18, 6)), cast(10.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'bar', '', 'hPa', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'bars', '', 'hPa', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'psi', '', 'hPa', cast(0 as decimal(18, 6)), cast(68.947572931683 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'w', '', 'W', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'watt', '', 'W', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'watts', '', 'W', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kw', '', 'W', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kilowatt', '', 'W', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kilowatts', '', 'W', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kwh', '', 'kWh', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kilowatt_hour', '', 'kWh', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'kilowatt_hours', '', 'kWh', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'wh', '', 'kWh', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'watt_hour', '', 'kWh', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'watt_hours', '', 'kWh', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'mwh', '', 'kWh', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'megawatt_hour', '', 'kWh', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'megawatt_hours', '', 'kWh', cast(0 as decimal(18, 6)), cast(1000.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 's', '', 's', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'sec', '', 's', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'secs', '', 's', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'second', '', 's', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'seconds', '', 's', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'ms', '', 's', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'millisecond', '', 's', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'milliseconds', '', 's', cast(0 as decimal(18, 6)), cast(0.001000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'min', '', 's', cast(0 as decimal(18, 6)), cast(60.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'mins', '', 's', cast(0 as decimal(18, 6)), cast(60.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'minute', '', 's', cast(0 as decimal(18, 6)), cast(60.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'minutes', '', 's', cast(0 as decimal(18, 6)), cast(60.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'h', '', 's', cast(0 as decimal(18, 6)), cast(3600.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'hr', '', 's', cast(0 as decimal(18, 6)), cast(3600.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'hrs', '', 's', cast(0 as decimal(18, 6)), cast(3600.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'hour', '', 's', cast(0 as decimal(18, 6)), cast(3600.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'hours', '', 's', cast(0 as decimal(18, 6)), cast(3600.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'd', '', 's', cast(0 as decimal(18, 6)), cast(86400.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'day', '', 's', cast(0 as decimal(18, 6)), cast(86400.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'days', '', 's', cast(0 as decimal(18, 6)), cast(86400.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'v', '', 'V', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'volt', '', 'V', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'volts', '', 'V', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'a', '', 'A', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'amp', '', 'A', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'amps', '', 'A', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'ampere', '', 'A', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'amperes', '', 'A', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'hz', '', 'Hz', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'hertz', '', 'Hz', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'db', '', 'dB', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'decibel', '', 'dB', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'decibels', '', 'dB', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'db(a)', '', 'dB', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'dba', '', 'dB', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'lx', '', 'lx', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'lux', '', 'lx', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
    union all
    select 'ppm', '', 'ppm', cast(0 as decimal(18, 6)), cast(1.000000000000 as decimal(18, 12)), cast(0 as decimal(18, 6))
{%- endmacro %}

{#- The unit that readings of a metric are compared in; wanted is empty where it is the quantity's own. -#}
{% macro metric_units() -%}
    select 'distance' as metric, 'km' as unit, 'km' as wanted
    union all
    select 'footfall', '1', ''
    union all
    select 'humidity', '%', ''
    union all
    select 'temperature', '°C', ''
    union all
    select 'visitors', '1', ''
    union all
    select 'volume', 'l', ''
    union all
    select 'weight', 'kg', ''
{%- endmacro %}
