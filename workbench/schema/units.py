"""Units of readings: which are known, of which quantity, how they convert, and in which unit a metric is compared.

Factors have twelve places, so that what both engines make of them in decimals is the same to the last digit. From here
come the rule for landed units and, written by ``make docs``, the macro by which the fact is converted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

_PLACES = Decimal("0.000000000001")
_COLUMNS = {
    "spelling": "", "wanted": "", "target": "", "subtract": "decimal(18, 6)", "factor": "decimal(18, 12)",
    "add_on": "decimal(18, 6)",
}  # fmt: skip


@dataclass(frozen=True)
class Unit:
    """A unit: ``(value - zero) * factor`` is the value in its quantity's own unit, whose factor is 1.

    ``aliases`` are other spellings, all in lower case; the name in lower case is one of itself.
    """

    name: str
    quantity: str
    factor: Decimal = Decimal(1)
    zero: Decimal = Decimal(0)
    aliases: tuple[str, ...] = ()

    @property
    def spellings(self) -> tuple[str, ...]:
        """How it may be written, in lower case."""
        return (self.name.lower(), *self.aliases)


def _unit(quantity: str, name: str, factor: str, aliases: str = "", zero: str = "0") -> Unit:
    return Unit(name, quantity, Decimal(factor), Decimal(zero), tuple(aliases.split()))


UNITS = (
    _unit("mass", "kg", "1", "kgs kilo kilos kilogram kilograms kilogramme kilogrammes"),
    _unit("mass", "g", "0.001", "gr gm gram grams gramme grammes"),
    _unit("mass", "mg", "0.000001", "milligram milligrams"),
    _unit("mass", "t", "1000", "tonne tonnes"),
    _unit("mass", "lb", "0.45359237", "lbs pound pounds"),
    _unit("mass", "oz", "0.028349523125", "ounce ounces"),
    _unit("temperature", "°C", "1", "c cel celsius degc deg_c degree_celsius degrees_celsius"),
    _unit("temperature", "°F", "0.555555555556", "f degf deg_f fahrenheit degree_fahrenheit degrees_fahrenheit", "32"),
    _unit("temperature", "K", "1", "kelvin kelvins", "273.15"),
    _unit("length", "m", "1", "metre metres meter meters"),
    _unit("length", "km", "1000", "kilometre kilometres kilometer kilometers"),
    _unit("length", "cm", "0.01", "centimetre centimetres centimeter centimeters"),
    _unit("length", "mm", "0.001", "millimetre millimetres millimeter millimeters"),
    _unit("length", "mi", "1609.344", "mile miles"),
    _unit("length", "ft", "0.3048", "foot feet"),
    _unit("length", "in", "0.0254", "inch inches"),
    _unit("length", "yd", "0.9144", "yard yards"),
    _unit("volume", "l", "1", "litre litres liter liters ltr"),
    _unit("volume", "ml", "0.001", "millilitre millilitres milliliter milliliters"),
    _unit("volume", "m3", "1000", "m³ cbm cubic_metre cubic_metres cubic_meter cubic_meters"),
    _unit("volume", "gal", "3.785411784", "gallon gallons us_gal gal_us us_gallon"),
    _unit("volume", "imp_gal", "4.54609", "gal_imp gal_uk uk_gal imperial_gallon"),
    _unit("volume", "fl_oz", "0.029573529563", "floz fl.oz fluid_ounce fluid_ounces"),
    _unit("share", "%", "1", "pct percent per_cent %rh rh"),
    _unit("share", "fraction", "100", "ratio"),
    _unit("count", "1", "1", "count counts number pcs pc piece pieces ea each people persons visitors items"),
    _unit("area", "m2", "1", "m² sqm square_metre square_metres square_meter square_meters"),
    _unit("area", "ft2", "0.09290304", "ft² sqft square_foot square_feet"),
    _unit("speed", "km/h", "1", "kmh kph"),
    _unit("speed", "m/s", "3.6", "mps"),
    _unit("speed", "mph", "1.609344"),
    _unit("pressure", "hPa", "1", "mbar millibar"),
    _unit("pressure", "Pa", "0.01", "pascal pascals"),
    _unit("pressure", "kPa", "10"),
    _unit("pressure", "bar", "1000", "bars"),
    _unit("pressure", "psi", "68.947572931683"),
    _unit("power", "W", "1", "watt watts"),
    _unit("power", "kW", "1000", "kilowatt kilowatts"),
    _unit("energy", "kWh", "1", "kilowatt_hour kilowatt_hours"),
    _unit("energy", "Wh", "0.001", "watt_hour watt_hours"),
    _unit("energy", "MWh", "1000", "megawatt_hour megawatt_hours"),
    _unit("time", "s", "1", "sec secs second seconds"),
    _unit("time", "ms", "0.001", "millisecond milliseconds"),
    _unit("time", "min", "60", "mins minute minutes"),
    _unit("time", "h", "3600", "hr hrs hour hours"),
    _unit("time", "d", "86400", "day days"),
    _unit("voltage", "V", "1", "volt volts"),
    _unit("current", "A", "1", "amp amps ampere amperes"),
    _unit("frequency", "Hz", "1", "hertz"),
    _unit("sound", "dB", "1", "decibel decibels db(a) dba"),
    _unit("illuminance", "lx", "1", "lux"),
    _unit("concentration", "ppm", "1"),
)  # fmt: skip
"""The known units. No spelling is of two of them, in lower case: what would be (mW and MW) is not among them."""

METRICS = {
    "distance": "km", "footfall": "1", "humidity": "%", "temperature": "°C", "visitors": "1", "volume": "l", "weight": "kg",
}  # fmt: skip
"""The unit in which readings of a metric are compared; of others it is their quantity's own. A reading without a unit is
taken to be in it."""

SPELLINGS = {spelling: unit for unit in UNITS for spelling in unit.spellings}
_BY_NAME = {unit.name: unit for unit in UNITS}


@dataclass(frozen=True)
class Conversion:
    """How a unit's values are told in a target: ``(value - subtract) * factor + add``.

    ``wanted`` is the target where a metric asks for it, and empty where the target is the quantity's own unit.
    """

    spelling: str
    wanted: str
    target: str
    subtract: Decimal
    factor: Decimal
    add: Decimal


def conversions() -> Iterator[Conversion]:
    """Yield for each spelling how it converts to its quantity's own unit, and to what metrics of it ask for."""
    for spelling, unit in SPELLINGS.items():
        own = _own(unit.quantity)
        asked = {name for name in METRICS.values() if _BY_NAME[name].quantity == unit.quantity} - {own.name}
        for wanted in ["", *sorted(asked)]:
            target = _BY_NAME[wanted] if wanted else own
            factor = (unit.factor / target.factor).quantize(_PLACES)
            yield Conversion(spelling, wanted, target.name, unit.zero, factor, target.zero)


def _own(quantity: str) -> Unit:
    return next(each for each in UNITS if each.quantity == quantity and (each.factor, each.zero) == (1, 0))


def macro() -> str:
    """Return the file of dbt macros with these declarations as relations."""
    rows = [
        f"        '{each.spelling}|{each.wanted}|{each.target}|{each.subtract}|{each.factor:f}|{each.add}',"
        for each in conversions()
    ]
    columns = [
        f"cast(split_part(line, '|', {place}) as {kind}) as {name}"
        if kind
        else f"split_part(line, '|', {place}) as {name}"
        for place, (name, kind) in enumerate(_COLUMNS.items(), 1)
    ]
    relation = (
        "    select\n        " + ",\n        ".join(columns) + "\n    from (\n"
        "        select split_part('{{ conversions | join(';') }}', ';', numbers.n + 1) as line\n"
        "        from ({{ numbers(3) }}) as numbers\n"
        "        where numbers.n < {{ conversions | length }}\n    ) as conversion_lines"
    )
    metrics = [
        f"    select {_text(metric)}{' as metric' * first}, {_text(unit)}{' as unit' * first}, "
        f"{_text('' if unit == _own(_BY_NAME[unit].quantity).name else unit)}{' as wanted' * first}"
        for place, (metric, unit) in enumerate(sorted(METRICS.items()))
        for first in [place == 0]
    ]
    lines, union = "\n".join(rows), "\n    union all\n"
    return (
        "{#- Written by `make docs` from workbench/schema/units.py. -#}\n\n"
        "{#-\n  (value - subtract) * factor + add_on is in the target, which a metric wants or which is the quantity's own. One text\n"
        "  is split: to plan hundreds of selects takes an engine longer than to convert the readings of a day.\n-#}\n"
        f"{{% macro unit_conversions() -%}}\n    {{%- set conversions = [\n{lines}\n    ] -%}}\n{relation}\n{{%- endmacro %}}\n\n"
        "{#- The unit that readings of a metric are compared in; wanted is empty where it is the quantity's own. -#}\n"
        f"{{% macro metric_units() -%}}\n{union.join(metrics)}\n{{%- endmacro %}}\n"
    )


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
