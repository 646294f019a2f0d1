"""Card transactions with planted fraud, invented by the rules that the handbook of Le Borgne et al. describes.

The rules are those of "Reproducible Machine Learning for Credit Card Fraud Detection" (chapter 3) as its text tells
them: customers and terminals lie on a plane, a customer pays at the terminals nearby, and three kinds of fraud are
planted. Neither its code nor its data is used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

DAY = 86_400

GENUINE, LARGE, STORE, CUSTOMER = 0, 1, 2, 3
"""Scenarios: no fraud, an amount above :data:`LARGE_AMOUNT`, a compromised store, a compromised customer."""

LARGE_AMOUNT = 220.0
STORE_DAYS = 28
CUSTOMER_DAYS = 14
RADIUS = 5.0

_SIDE = 100.0
_STORES_A_DAY = 2
_CUSTOMERS_A_DAY = 3
_FACTOR = 5.0
_SPREAD_OF_DAY = 20_000.0
_UNUSUAL = 3.0


@dataclass(frozen=True)
class Simulated:
    """Transactions in the order of time, an array each, of equal length.

    ``time`` is in seconds since the first day began, ``customer`` and ``store`` are numbers from 0, ``scenario`` says
    why a transaction is fraud (0 if it isn't). ``usual`` and ``spread`` are mean and standard deviation of what the
    customer pays, which no detector knows.
    """

    time: np.ndarray
    customer: np.ndarray
    store: np.ndarray
    amount: np.ndarray
    scenario: np.ndarray
    usual: np.ndarray
    spread: np.ndarray

    def __len__(self) -> int:
        return len(self.time)

    @property
    def is_fraud(self) -> np.ndarray:
        """Whether each is fraud."""
        return self.scenario > 0

    @property
    def day(self) -> np.ndarray:
        """The day of each, from 0."""
        return self.time // DAY

    def visible(self, delay_days: float = 7.0) -> np.ndarray:
        """Return which frauds can be seen by somebody who knows the rules and all labels that are known by then.

        A large amount always can; one at a compromised store once the label of an earlier fraud of the same
        compromise is known; one of a compromised customer if the amount lies over three standard deviations above
        what the customer usually pays.
        """
        seen = self.scenario == LARGE
        seen |= (self.scenario == CUSTOMER) & (self.amount > self.usual + _UNUSUAL * self.spread)
        rows = np.flatnonzero(self.scenario == STORE)
        rows = rows[np.lexsort((self.time[rows], self.store[rows]))]
        store, time = self.store[rows], self.time[rows]
        # A compromise begins where its store had no fraud for longer than one lasts.
        begins = np.ones(len(rows), dtype=bool)
        begins[1:] = (store[1:] != store[:-1]) | (time[1:] - time[:-1] > STORE_DAYS * DAY)
        first = time[np.maximum.accumulate(np.where(begins, np.arange(len(rows)), 0))]
        seen[rows] = time >= first + delay_days * DAY
        return seen

    def frame(self, first_day: str = "2024-01-01", delay_days: float = 7.0) -> pd.DataFrame:
        """Return them as a warehouse has them: ids as text, times in UTC, and when the label is known."""
        start = pd.Timestamp(first_day)
        return pd.DataFrame(
            {
                "transaction_id": [f"T{number:08d}" for number in range(len(self))],
                "transaction_timestamp": start + pd.to_timedelta(self.time, unit="s"),
                "customer_id": [f"C{number:05d}" for number in self.customer],
                "store_id": [f"S{number:05d}" for number in self.store],
                "amount": self.amount,
                "is_fraud": self.is_fraud,
                "scenario": self.scenario,
                "labelled_at": start + pd.to_timedelta(self.time + round(delay_days * DAY), unit="s"),
            }
        )


def simulate(
    *, customers: int = 5_000, stores: int = 10_000, days: int = 183, seed: int = 0, compromises: float = 1.0
) -> Simulated:
    """Invent transactions; the same numbers give the same ones. The handbook's size makes 1.75 million in a second.

    Args:
        customers: number of customers; each makes 0 to 4 transactions a day on average, of 5 to 100 on average.
        stores: number of stores; a customer without any within a distance of 5 (of 100) pays nowhere.
        days: number of days.
        seed: of the generator.
        compromises: how many stores and customers are compromised a day, as a multiple of the handbook's two and
            three; less for fewer stores and customers.
    """
    rng = np.random.default_rng(seed)
    home = rng.uniform(0, _SIDE, (customers, 2))
    usual = rng.uniform(5, 100, customers)
    a_day = rng.uniform(0, 4, customers)
    near, offset = _nearby(home, rng.uniform(0, _SIDE, (stores, 2)))
    reachable = np.diff(offset)

    counts = rng.poisson(np.where(reachable > 0, a_day, 0.0)[:, None], (customers, days))
    customer = np.repeat(np.repeat(np.arange(customers), days), counts.ravel())
    day = np.repeat(np.tile(np.arange(days), customers), counts.ravel())
    of_day = rng.normal(DAY / 2, _SPREAD_OF_DAY, len(day))
    within = (of_day > 0) & (of_day < DAY)
    customer, time = customer[within], day[within] * DAY + of_day[within].astype(np.int64)
    order = np.argsort(time, kind="stable")
    customer, time = customer[order], time[order]

    mean, deviation = usual[customer], usual[customer] / 2
    amount = rng.normal(mean, deviation)
    amount = np.where(amount < 0, rng.uniform(0, 2 * mean), amount)
    store = near[offset[customer] + (rng.random(len(customer)) * reachable[customer]).astype(np.int64)]

    scenario = np.zeros(len(time), dtype=np.int8)
    scenario[amount > LARGE_AMOUNT] = LARGE
    at_store = _compromised(rng, stores, days, _STORES_A_DAY * compromises, STORE_DAYS)
    scenario[at_store[store, time // DAY]] = STORE
    of_customer = _compromised(rng, customers, days, _CUSTOMERS_A_DAY * compromises, CUSTOMER_DAYS)
    stolen = of_customer[customer, time // DAY] & (rng.random(len(time)) < 1 / 3)
    amount[stolen] *= _FACTOR
    scenario[stolen] = CUSTOMER
    return Simulated(time, customer, store, amount.round(2), scenario, mean, deviation)


def _nearby(home: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the stores near each customer, one customer after the other, and where each one's begin."""
    found, counts = [], []
    for begin in range(0, len(home), 500):
        part = home[begin : begin + 500]
        distance = ((part[:, None, :] - places[None, :, :]) ** 2).sum(axis=2)
        rows, columns = np.nonzero(distance < RADIUS**2)
        found.append(columns)
        counts.append(np.bincount(rows, minlength=len(part)))
    return np.concatenate(found), np.concatenate([[0], np.cumsum(np.concatenate(counts))])


def _compromised(rng: np.random.Generator, number: int, days: int, a_day: float, lasts: int) -> np.ndarray:
    """Return for each one and day whether it is compromised: some new ones each day, for some days."""
    state = np.zeros((number, days), dtype=bool)
    for day in range(days):
        count = int(a_day) + (rng.random() < a_day % 1)
        for one in rng.choice(number, size=min(count, number), replace=False):
            state[one, day : day + lasts] = True
    return state
