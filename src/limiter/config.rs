use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::handle::Limiter;
use super::mode::Mode;
use super::settings::Settings;
use super::state::State;
use crate::contain::contain;
use crate::gate::Change;
use crate::{
    Algorithm, AlgorithmConfig, Bounds, FathomBuilder, InvalidOption, Priorities, Queue, Shares,
};

/// Everything about a limiter that configuration can say.
///
/// From TOML, JSON, the environment, or whatever serde reads. Every key may be left out, and unknown
/// keys are refused. It is the whole truth: what is left out is at its default, but for `algorithm`,
/// which [`apply`](Limiter::apply) leaves alone then.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `name` | of the limiter; cannot be changed | none |
/// | `algorithm` | `name` and options: see [`AlgorithmConfig`] | `fathom` for a new limiter |
/// | `bounds` | `min` and `max` of the limit, in 1 to 2^30 | the algorithm's own |
/// | `queue` | `capacity`, `max_wait`, `target`, `interval`: see [`Queue`] | no queue |
/// | `shares` | `guarantees`, a list of `key` and `fraction`: see [`Shares`] | none |
/// | `priorities` | class names with their priority: see [`Priorities`] | none |
/// | `observe_only` | whether everybody is let in: see [`Mode::Observe`] | `false` |
/// | `paused` | whether learning is paused: see [`Limiter::pause`] | `false` |
///
/// # Examples
///
/// ```
/// use tower_adaptive::{Limiter, LimiterConfig};
///
/// let config: LimiterConfig = serde_json::from_str(
///     r#"{
///         "name": "payments",
///         "algorithm": { "name": "fathom", "initial_limit": 40 },
///         "queue": { "capacity": 100, "max_wait": "50ms" },
///         "priorities": { "/checkout": "critical" }
///     }"#,
/// )?;
/// let limiter = config.try_build()?;
/// assert_eq!(limiter.limit(), 40);
///
/// // Later, while it is in use.
/// limiter.apply(&config.bounds(1..=30))?;
/// assert_eq!(limiter.limit(), 30);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimiterConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    algorithm: Option<AlgorithmConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bounds: Option<Range>,
    queue: Queue,
    shares: Shares,
    priorities: Priorities,
    observe_only: bool,
    paused: bool,
}

/// Bounds that nobody has checked yet.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    min: usize,
    max: usize,
}

impl LimiterConfig {
    /// Returns a configuration in which everything is left out.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the algorithm, from its builder or an [`AlgorithmConfig`].
    #[must_use]
    pub fn algorithm(mut self, algorithm: impl Into<AlgorithmConfig>) -> Self {
        self.algorithm = Some(algorithm.into());
        self
    }

    /// Sets the range in which the limit may move, instead of the algorithm's own.
    #[must_use]
    pub fn bounds(mut self, bounds: RangeInclusive<usize>) -> Self {
        self.bounds = Some(Range {
            min: *bounds.start(),
            max: *bounds.end(),
        });
        self
    }

    /// Sets the queue.
    #[must_use]
    pub fn queue(mut self, queue: Queue) -> Self {
        self.queue = queue;
        self
    }

    /// Sets the guaranteed fractions of the limit.
    #[must_use]
    pub fn shares(mut self, shares: Shares) -> Self {
        self.shares = shares;
        self
    }

    /// Sets how much the requests of each class matter.
    #[must_use]
    pub fn priorities(mut self, priorities: Priorities) -> Self {
        self.priorities = priorities;
        self
    }

    /// Sets whether the limit is enforced.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.observe_only = mode == Mode::Observe;
        self
    }

    /// Returns a limiter made as it says.
    ///
    /// # Errors
    ///
    /// If an option is out of its range.
    pub fn try_build(&self) -> Result<Limiter, InvalidOption> {
        let default = || AlgorithmConfig::from(FathomBuilder::default());
        let algorithm = self.algorithm.clone().unwrap_or_else(default);
        let config = Self {
            algorithm: Some(algorithm.clone()),
            ..self.clone()
        };
        let valid = config.check(self.name.as_deref())?;
        let name = self.name.clone().map(String::into_boxed_str);
        let limiter = Limiter::from_parts(algorithm.clone().try_build()?, name);
        limiter.change(|state| {
            state.settings.algorithm = Some(algorithm);
            limiter.put_in_force(&config, valid, state)
        });
        #[cfg(not(tower_adaptive_loom))]
        crate::registry::built(&limiter);
        Ok(limiter)
    }

    /// Checks all there is to check.
    fn check(&self, name: Option<&str>) -> Result<Valid, InvalidOption> {
        if self.name.is_some() && self.name.as_deref() != name {
            let range = match name {
                Some(name) => format!("{name:?}, which cannot be changed"),
                None => "left out: this limiter has none".to_owned(),
            };
            let given = self.name.clone().unwrap_or_default();
            return Err(InvalidOption::new("name", range, format_args!("{given:?}")));
        }
        self.queue.check()?;
        self.shares.check()?;
        self.priorities.check()?;
        Ok(Valid {
            bounds: self
                .bounds
                .map(|range| Bounds::new(range.min, range.max))
                .transpose()?,
            algorithm: self
                .algorithm
                .clone()
                .map(AlgorithmConfig::try_build)
                .transpose()?,
        })
    }
}

/// What was made in checking.
struct Valid {
    bounds: Option<Bounds>,
    algorithm: Option<Box<dyn Algorithm>>,
}

impl Limiter {
    /// Returns the configuration in force. The algorithm is left out if it was made in code: nobody
    /// knows its options then.
    #[must_use]
    pub fn config(&self) -> LimiterConfig {
        self.with_state(|state| self.config_of(state))
    }

    fn config_of(&self, state: &State) -> LimiterConfig {
        let Settings {
            queue,
            shares,
            algorithm,
        } = &*state.settings;
        LimiterConfig {
            name: self.name().map(str::to_owned),
            algorithm: algorithm.clone(),
            bounds: state.set_range().map(|bounds| Range {
                min: bounds.min(),
                max: bounds.max(),
            }),
            queue: queue.clone(),
            shares: shares.clone(),
            priorities: self.priorities(),
            observe_only: self.mode() == Mode::Observe,
            paused: state.is_paused(),
        }
    }

    /// Changes a limiter in use into what a configuration says, all of it or, if anything is wrong,
    /// nothing.
    ///
    /// Requests go on meanwhile; none is dropped. What was learned stays as far as it still holds: if
    /// the algorithm is the same, with the same options, all of it; with other options, the limit and
    /// the baseline; if it is another one, the limit. An algorithm that is left out stays. A frozen limiter
    /// thaws if an algorithm is named.
    ///
    /// # Errors
    ///
    /// If an option is out of its range, or the name is not this limiter's. Nothing has changed then.
    pub fn apply(&self, config: &LimiterConfig) -> Result<(), InvalidOption> {
        let valid = config.check(self.name())?;
        let before = self.change(|state| self.put_in_force(config, valid, state));
        // Outside the exclusion, and contained: it is not ours.
        contain(|| drop(before));
        Ok(())
    }

    /// Returns the algorithm that is not needed: the one before, or the new one.
    fn put_in_force(
        &self,
        config: &LimiterConfig,
        valid: Valid,
        state: &mut State,
    ) -> Option<Box<dyn Algorithm>> {
        let mut spare = valid.algorithm;
        if let Some(wanted) = &config.algorithm {
            if state.settings.algorithm.as_ref() != Some(wanted) || state.is_frozen() {
                spare = spare.take().map(|new| state.exchange(new, wanted));
                state.settings.algorithm = Some(wanted.clone());
            }
        }
        if state.set_range() != valid.bounds {
            state.set_bounds(valid.bounds);
        }
        state.set_paused(config.paused);
        self.gate().change(Change {
            queue: Some(config.queue.clone()),
            shares: (state.settings.shares != config.shares).then_some(&config.shares),
            mode: Some(match config.observe_only {
                true => Mode::Observe,
                false => Mode::Enforce,
            }),
        });
        state.settings.queue = config.queue.clone();
        state.settings.shares = config.shares.clone();
        self.store_priorities(config.priorities.clone());
        spare
    }
}

impl State {
    /// Puts an algorithm in charge which goes on from the baseline of the one before, if that was of
    /// its kind. Returns the one before.
    fn exchange(
        &mut self,
        new: Box<dyn Algorithm>,
        config: &AlgorithmConfig,
    ) -> Box<dyn Algorithm> {
        let known = self.report();
        let before = self.set_algorithm(new);
        if let (true, Some(baseline)) = (known.algorithm == Some(config.name()), known.baseline) {
            self.restore(self.limit(), Some(baseline));
        }
        before
    }
}

#[cfg(all(test, not(tower_adaptive_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_limiter_thaws_with_the_algorithm_that_it_had() {
        let config = LimiterConfig::new().algorithm(FathomBuilder::default());
        let limiter = config.try_build().unwrap();
        let panics = |state: &mut State| state.consult(|_| panic!("part of the test"));
        limiter.change(panics);
        assert!(limiter.snapshot().frozen);

        limiter.apply(&LimiterConfig::new()).unwrap();
        assert!(limiter.snapshot().frozen, "no algorithm is named");
        limiter.apply(&config).unwrap();

        assert!(!limiter.snapshot().frozen);
        assert_eq!(limiter.config(), config);
    }
}
