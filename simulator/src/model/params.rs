use serde::{Deserialize, Serialize};
use tower_adaptive::Outcome;

use super::describe::{Describe, Described, sentence};
use super::value::Field;
use super::{Invalid, Maybe, Span};

/// How service times are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Service {
    /// All are `service_time`.
    Constant,
    /// Exponential with the mean `service_time`: a coefficient of variation of 1.
    #[default]
    Exponential,
    /// Lognormal with the mean `service_time` and the coefficient of variation `service_cv`.
    Lognormal,
    /// `slow_time` for `slow_share` of all, `service_time` for the others.
    Bimodal,
}

/// How a classifier reports an error or a refusal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CountsAs {
    /// It teaches nothing: the client's mistake (a 404).
    #[default]
    Nothing,
    /// As a success: a stack whose classifier does not look at the status.
    Success,
    /// As an overload (a 503).
    Overload,
}

impl CountsAs {
    pub(super) fn outcome(self) -> Option<Outcome> {
        match self {
            Self::Nothing => None,
            Self::Success => Some(Outcome::Success),
            Self::Overload => Some(Outcome::Overload),
        }
    }
}

/// How an attempt is reported that has come to its deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeadlineCountsAs {
    /// As given up: the future is dropped.
    #[default]
    Canceled,
    /// As an overload: something in between makes an error of it (a 504).
    Overload,
}

impl DeadlineCountsAs {
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::Canceled => Outcome::Canceled,
            Self::Overload => Outcome::Overload,
        }
    }
}

/// Declares [`Params`] and, with the same options, [`Change`].
///
/// Of each option: documentation, name, type, default, range.
macro_rules! params {
    ($($(#[doc = $doc:literal])* $name:ident: $type:ty = $default:expr, $range:expr;)*) => {
        /// Everything about traffic and plant, all of which can change while it runs.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[non_exhaustive]
        pub struct Params {
            $($(#[doc = $doc])* pub $name: $type,)*
        }

        impl Default for Params {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Params {
            /// Checks every option, and what only several of them can tell.
            ///
            /// # Errors
            ///
            /// If an option is outside its range; the error has its name.
            pub fn check(&self) -> Result<(), Invalid> {
                $(self.$name.check($range).map_err(|e| Invalid::new(stringify!($name), e))?;)*
                self.check_together()
            }

            /// Describes every option, in the order of their declaration.
            #[must_use]
            pub fn describe() -> Vec<Described> {
                vec![$(Described {
                    name: stringify!($name),
                    doc: sentence(&[$($doc),*]),
                    domain: <$type as Describe>::domain($range),
                    optional: <$type as Describe>::OPTIONAL,
                },)*]
            }
        }

        /// New values for some of the [`Params`].
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[non_exhaustive]
        pub struct Change {
            $(
                $(#[doc = $doc])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $name: Option<$type>,
            )*
        }

        impl Change {
            /// Checks every option that it has.
            ///
            /// # Errors
            ///
            /// If an option is outside its range; the error has its name.
            pub fn check(&self) -> Result<(), Invalid> {
                $(if let Some(value) = &self.$name {
                    value.check($range).map_err(|e| Invalid::new(stringify!($name), e))?;
                })*
                Ok(())
            }

            /// Takes over the options that `other` has.
            pub(crate) fn merge(&mut self, other: &Self) {
                $(if other.$name.is_some() {
                    self.$name.clone_from(&other.$name);
                })*
            }

            /// Leaves the options alone that `other` has.
            pub(super) fn leave_out(&mut self, other: &Self) {
                $(if other.$name.is_some() {
                    self.$name = None;
                })*
            }

            /// Sets what `params` are after `fraction` of the way from `start`.
            pub fn apply(&self, params: &mut Params, start: &Params, fraction: f64) {
                $(if let Some(end) = &self.$name {
                    params.$name = if fraction < 1.0 {
                        start.$name.towards(end, fraction)
                    } else {
                        end.clone()
                    };
                })*
            }
        }
    };
}

params! {
    /// Requests per second of all instances together, as a Poisson process.
    rate: f64 = 100.0, 0.0..=1e6;
    /// Clients in a closed loop, beside `rate`: each has one request at a time.
    clients: u32 = 0, 0..=100_000;
    /// How long such a client thinks between two requests, exponential with this mean.
    think_time: Span = Span::ZERO, Span::ZERO..=HOUR;
    /// How long a client waits for an attempt, its wait for a permit included.
    deadline: Maybe<Span> = Maybe::None, NANO..=HOUR;
    /// How an attempt is reported that has come to its deadline.
    deadline_counts_as: DeadlineCountsAs = DeadlineCountsAs::Canceled, ();
    /// How often a client tries again after a rejection, an overload or a deadline.
    retries: u32 = 0, 0..=100;
    /// The mean wait before the first retry, twice as much before each further one; 0 is at once.
    backoff: Span = Span::ZERO, Span::ZERO..=HOUR;
    /// Instances of the client, each with its own limiter; the load is spread over them evenly.
    instances: u32 = 1, 1..=64;
    /// Network latency of a request and its response together.
    latency: Span = Span::ZERO, Span::ZERO..=HOUR;
    /// Requests and responses are lost.
    black_hole: bool = false, ();
    /// Servers of the plant: how many requests it works on at once.
    servers: u32 = 32, 1..=100_000;
    /// How many requests wait for a server at most; the next is refused. With "none", a million.
    queue: Maybe<u32> = Maybe::None, 0..=10_000_000;
    /// How long a refusal takes, without a server.
    refusal_time: Span = Span::ZERO, Span::ZERO..=HOUR;
    /// How the classifier reports refusals.
    refusal_counts_as: CountsAs = CountsAs::Overload, ();
    /// How service times are spread.
    service: Service = Service::Exponential, ();
    /// The mean service time; of the fast ones, if they are bimodal.
    service_time: Span = Span::from_millis(10), NANO..=HOUR;
    /// The coefficient of variation of lognormal service times.
    service_cv: f64 = 1.0, 0.0..=10.0;
    /// The service time of the slow ones, if they are bimodal.
    slow_time: Span = Span::from_millis(100), NANO..=HOUR;
    /// The share of the slow ones, if they are bimodal.
    slow_share: f64 = 0.1, 0.0..=1.0;
    /// Contention k: service times are multiplied by 1 + k × (requests in the plant beyond `servers`).
    contention: f64 = 0.0, 0.0..=10.0;
    /// The mean time from the end of a pause of the plant to the next one, exponential.
    pause_every: Maybe<Span> = Maybe::None, MILLI..=HOUR;
    /// How long a pause is.
    pause_time: Span = Span::from_millis(100), Span::ZERO..=HOUR;
    /// The share of requests that fail by chance.
    error_rate: f64 = 0.0, 0.0..=1.0;
    /// How long a failure takes, without a server; with "none" it fails after its service.
    error_time: Maybe<Span> = Maybe::Some(Span::from_millis(1)), Span::ZERO..=HOUR;
    /// How the classifier reports such failures.
    error_counts_as: CountsAs = CountsAs::Nothing, ();
}

impl Params {
    /// Returns the mean service time, without contention.
    #[must_use]
    pub fn mean_service(&self) -> Span {
        let secs = match self.service {
            Service::Bimodal => {
                let fast = self.service_time.secs() * (1.0 - self.slow_share);
                fast + self.slow_time.secs() * self.slow_share
            }
            _ => self.service_time.secs(),
        };
        Span::from_nanos((secs * 1e9).round() as u64)
    }

    /// Returns how many requests per second the servers can do, without contention and pauses.
    #[must_use]
    pub fn capacity(&self) -> f64 {
        f64::from(self.servers) / self.mean_service().secs().max(1e-9)
    }

    fn check_together(&self) -> Result<(), Invalid> {
        if self.black_hole && self.deadline == Maybe::None {
            return Err(Invalid::new(
                "black_hole",
                "needs a deadline: without one, nobody notices that a request is lost",
            ));
        }
        Ok(())
    }
}

const NANO: Span = Span::from_nanos(1);
const MILLI: Span = Span::from_millis(1);
const HOUR: Span = Span::from_secs(3600);
