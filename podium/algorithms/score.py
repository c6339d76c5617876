"""What a fitted model says of each row: the scores stay at the pod, and how they are spread is told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from podium.algorithms import Scoring
from podium.algorithms._spread import Spread
from podium.algorithms._tallies import Counts, Tallies
from podium.algorithms._terms import MAX_TERMS, check_feature, check_levels, term_names
from podium.contracts import Card, Value

if TYPE_CHECKING:
    import pyarrow as pa


class Score(Scoring, Spread):
    """The linear predictor of a regression, or with `link: logit` the chance that it stands for.

    `coefficients` are by term, as a fit names them: a column that is a number or a boolean, or `sex[m]` for a level of `levels` after
    the first. A row without a value, or with an undeclared level, in any of these columns has no score and is counted nowhere; neither is
    one whose score is beyond the numbers of 64 bits.

    **What leaves** is what leaves of `histogram`: rounded counts between declared edges, without bins of few rows. A model of one
    coefficient of 1 is that histogram.
    """

    model_config = ConfigDict(validate_by_name=False, validate_by_alias=True, serialize_by_alias=True)
    kind: ClassVar[str] = "score"

    coefficients: dict[str, float] = Field(min_length=1, max_length=MAX_TERMS)
    intercept: float = 0.0
    declared: dict[str, tuple[Value, ...]] = Field(default={}, alias="levels")  # `levels` are the columns of `by`
    link: Literal["identity", "logit"] = "identity"

    @field_validator("declared")
    @classmethod
    def _distinct_levels(cls, levels: dict[str, tuple[Value, ...]]) -> dict[str, tuple[Value, ...]]:
        check_levels(levels)
        return levels

    @model_validator(mode="after")
    def _each_term_once(self) -> Self:
        if not set(self.declared) <= set(self.features):
            raise ValueError("levels are declared for a column that has no coefficient")
        if sorted(term_names(self.features, self.declared)) != sorted(self.coefficients):
            raise ValueError("needs one coefficient, such as sex[m], for each declared level after the first")
        return self

    @property
    def features(self) -> tuple[str, ...]:
        """The columns of the model, in the order of their first coefficients."""
        of = {term: column for column in self.declared for term in term_names([column], self.declared)}
        return tuple(dict.fromkeys(of.get(term, term) for term in self.coefficients))

    def reads(self) -> tuple[str, ...]:
        return (*self.features, *self.levels)

    def suits(self, card: Card) -> None:
        for name in self.features:
            check_feature(card, name, levels=self.declared, field="algorithm.score.coefficients")
        super().suits(card)

    def scores(self, batch: pa.RecordBatch) -> pa.Array:
        import numpy as np
        import pyarrow as pa

        from podium.algorithms._design import terms_of

        terms, _, counts = terms_of(batch, self.features, self.declared)
        linear = np.full(batch.num_rows, self.intercept)
        with np.errstate(over="ignore", invalid="ignore"):
            for name, values in zip(term_names(self.features, self.declared), terms, strict=True):
                linear += self.coefficients[name] * values  # one by one: a product of matrices rounds by the size of the batch
            counts &= np.isfinite(linear)
            if self.link == "logit":
                small = np.exp(-np.abs(linear))
                linear = np.where(linear >= 0, 1.0, small) / (1 + small)
        if (true := self.filter.true(batch)) is not None:
            counts &= true.fill_null(False).to_numpy(zero_copy_only=False)
        return pa.array(linear, mask=~counts)

    def tallied(self, scored: Iterable[tuple[pa.RecordBatch, pa.Array]]) -> dict[str, Any]:
        tallies = self.empty()
        for batch, scores in scored:
            true = self.filter.true(batch)
            tallies.rows += batch.num_rows if true is None else true.true_count
            self._tally(batch, scores, tallies)
        return tallies.state()

    def add(self, batch: pa.RecordBatch, tallies: Tallies[Counts]) -> None:
        self._tally(batch, self.scores(batch), tallies)

    def _tally(self, batch: pa.RecordBatch, scores: pa.Array, tallies: Tallies[Counts]) -> None:
        valid = scores.is_valid().to_numpy(zero_copy_only=False)
        self.count(batch, scores.fill_null(0.0).to_numpy(zero_copy_only=False), valid, tallies=tallies)

    @classmethod
    def sample(cls, *_: Any) -> Self:
        return cls(coefficients={"age": 0.05, "sex[m]": 0.5}, levels={"sex": ("f", "m")}, intercept=-3.0, link="logit", edges=(0.3, 0.6))
