//! The rows of the comparison: seven answers to "how many requests at once?".

use std::time::Duration;

use clap::ValueEnum;
use tower_adaptive::{Aimd, Algorithm, Fathom, Fixed, Gradient2, Limiter, Vegas, Windowed};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Row {
    /// No limit at all
    None,
    /// A static limit that is far too high
    StaticHigh,
    /// A static limit that is too low
    StaticLow,
    /// Tells a queue from slow work, by throughput and experiments
    Fathom,
    /// Additive increase, multiplicative decrease
    Aimd,
    /// Holds a short queue, by the shortest response time
    Vegas,
    /// Follows the ratio of long-term and short-term response time
    Gradient2,
    /// Vegas as it is, sample by sample (not shown unless asked for)
    VegasDefault,
}

/// The algorithm of a row, and its options for the reader.
type Configured = (Box<dyn Algorithm>, String);

impl Row {
    /// Those that are shown unless others are asked for.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::StaticHigh,
        Self::StaticLow,
        Self::Fathom,
        Self::Aimd,
        Self::Vegas,
        Self::Gradient2,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::None => "no limit",
            Self::StaticHigh => "static, too high",
            Self::StaticLow => "static, too low",
            Self::Fathom => "Fathom",
            Self::Aimd => "AIMD",
            Self::Vegas => "Vegas",
            Self::Gradient2 => "Gradient2",
            Self::VegasDefault => "Vegas, default",
        }
    }

    /// Whether it finds its limit by itself, and so has marks to meet.
    pub fn is_adaptive(self) -> bool {
        matches!(
            self,
            Self::Fathom | Self::Aimd | Self::Vegas | Self::Gradient2 | Self::VegasDefault
        )
    }

    pub fn limiter(self) -> Option<Limiter> {
        self.configure()
            .map(|(algorithm, _)| Limiter::new(algorithm))
    }

    pub fn options(self) -> String {
        self.configure()
            .map_or_else(|| "no layer".to_owned(), |(_, options)| options)
    }

    /// The options suit a capacity of 16: the limit may fall well below it and rise far above it.
    /// Fathom needs none, and finds that by itself.
    fn configure(self) -> Option<Configured> {
        Some(match self {
            Self::None => return None,
            Self::StaticHigh => fixed(1000),
            Self::StaticLow => fixed(8),
            Self::Fathom => as_it_is(Fathom::default()),
            Self::Aimd => aimd(),
            Self::Vegas => vegas(),
            Self::Gradient2 => gradient2(),
            Self::VegasDefault => as_it_is(Vegas::default()),
        })
    }
}

/// Builds an algorithm, and writes down with which options.
macro_rules! build {
    ($builder:expr, $($option:ident = $value:expr),+) => {(
        $builder$(.$option($value))+.build(),
        [$(format!("{} {:?}", stringify!($option), $value)),+].join(", "),
    )};
}

fn fixed(limit: usize) -> Configured {
    (Box::new(Fixed::new(limit)), format!("limit {limit}"))
}

fn as_it_is(algorithm: impl Algorithm) -> Configured {
    (Box::new(algorithm), "defaults, no window".to_owned())
}

/// The timeout is three times the mean. Every answer beyond it would lower the limit, and late
/// answers come in bursts; a window lowers it once.
fn aimd() -> Configured {
    let (aimd, options) = build!(
        Aimd::builder(),
        initial_limit = 20,
        min_limit = 4,
        max_limit = 200,
        timeout = Duration::from_millis(60)
    );
    windowed(aimd, &options)
}

fn vegas() -> Configured {
    let (vegas, options) = build!(
        Vegas::builder(),
        initial_limit = 20,
        min_limit = 4,
        max_limit = 200
    );
    windowed(vegas, &options)
}

fn gradient2() -> Configured {
    let (gradient2, options) = build!(
        Gradient2::builder(),
        initial_limit = 20,
        min_limit = 4,
        max_limit = 200
    );
    windowed(gradient2, &options)
}

/// Feeds `algorithm` the mean of a window instead of single responses: the luckiest query takes a
/// quarter of the mean, and Vegas would believe that to be the baseline; and the 600 samples of
/// Gradient2's long window would be less than a second old. Windows last for 1 s unless told
/// otherwise, which suits services that live for longer than this one.
fn windowed(algorithm: impl Algorithm, options: &str) -> Configured {
    let length = Duration::from_millis(100);
    let windowed = Windowed::builder(algorithm)
        .min_window(length)
        .max_window(length)
        .build();
    (
        Box::new(windowed),
        format!("{options}, in windows of {length:?}"),
    )
}
