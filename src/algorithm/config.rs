use serde::{Deserialize, Serialize};

use super::{
    AimdBuilder, Algorithm, FathomBuilder, FixedBuilder, Gradient2Builder, VegasBuilder,
    WindowedBuilder,
};
use crate::InvalidOption;

/// An algorithm and its options, as configuration files name them.
///
/// `name` is the algorithm's, in lower case; the other keys are the options of its builder, each at
/// its default if it is not there. A table `window`, which may be empty, has the options of a
/// [`WindowedBuilder`] and feeds the algorithm one sample per window. Unknown keys are refused.
///
/// # Examples
///
/// ```
/// use tower_adaptive::{Algorithm, AlgorithmConfig};
///
/// let config: AlgorithmConfig = serde_json::from_str(
///     r#"{ "name": "vegas", "alpha": 4, "window": { "min_window": "100ms" } }"#,
/// )?;
/// assert_eq!(config.name(), "vegas");
///
/// let algorithm: Box<dyn Algorithm> = config.try_build()?;
/// assert_eq!(algorithm.max_concurrency(), 20);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It can be made from a builder, too:
///
/// ```
/// use tower_adaptive::{AlgorithmConfig, Gradient2, WindowedBuilder};
///
/// let config = AlgorithmConfig::from(Gradient2::builder().min_limit(1))
///     .windowed(WindowedBuilder::default());
/// # let _ = config;
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlgorithmConfig {
    #[serde(flatten)]
    algorithm: Named,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window: Option<WindowedBuilder>,
}

impl AlgorithmConfig {
    /// The names that there are.
    pub const NAMES: &[&str] = &["aimd", "fathom", "fixed", "gradient2", "vegas"];

    /// Returns the name of the algorithm.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.algorithm {
            Named::Aimd(_) => "aimd",
            Named::Fathom(_) => "fathom",
            Named::Fixed(_) => "fixed",
            Named::Gradient2(_) => "gradient2",
            Named::Vegas(_) => "vegas",
        }
    }

    /// Returns whether it is fed one sample per window.
    #[must_use]
    pub fn is_windowed(&self) -> bool {
        self.window.is_some()
    }

    /// Feeds the algorithm one sample per window, with these options.
    #[must_use]
    pub fn windowed(mut self, window: WindowedBuilder) -> Self {
        self.window = Some(window);
        self
    }

    /// Sets the seed of an algorithm that draws, unless it has one: what it does then depends on
    /// nothing but its samples. Of those here, only [`Vegas`](super::Vegas) draws.
    #[must_use]
    pub fn seeded(mut self, seed: u64) -> Self {
        if let Named::Vegas(builder) = self.algorithm {
            self.algorithm = Named::Vegas(builder.seed_if_none(seed));
        }
        self
    }

    /// Builds the algorithm, or says which option is outside its range.
    ///
    /// # Errors
    ///
    /// If an option is outside its range.
    pub fn try_build(self) -> Result<Box<dyn Algorithm>, InvalidOption> {
        match self.algorithm {
            Named::Aimd(builder) => boxed(builder.try_build()?, self.window),
            Named::Fathom(builder) => boxed(builder.try_build()?, self.window),
            Named::Fixed(builder) => boxed(builder.try_build()?, self.window),
            Named::Gradient2(builder) => boxed(builder.try_build()?, self.window),
            Named::Vegas(builder) => boxed(builder.try_build()?, self.window),
        }
    }
}

fn boxed<A: Algorithm>(
    algorithm: A,
    window: Option<WindowedBuilder>,
) -> Result<Box<dyn Algorithm>, InvalidOption> {
    Ok(match window {
        None => Box::new(algorithm),
        Some(window) => Box::new(window.inner(algorithm).try_build()?),
    })
}

/// A new algorithm is a new line here, in [`AlgorithmConfig::NAMES`], `name` and `try_build`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
enum Named {
    Aimd(AimdBuilder),
    Fathom(FathomBuilder),
    Fixed(FixedBuilder),
    Gradient2(Gradient2Builder),
    Vegas(VegasBuilder),
}

/// Makes a configuration from a builder.
macro_rules! from_builders {
    ($($name:ident($builder:ty),)*) => {$(
        impl From<$builder> for AlgorithmConfig {
            fn from(builder: $builder) -> Self {
                Self {
                    algorithm: Named::$name(builder),
                    window: None,
                }
            }
        }
    )*};
}

from_builders! {
    Aimd(AimdBuilder),
    Fathom(FathomBuilder),
    Fixed(FixedBuilder),
    Gradient2(Gradient2Builder),
    Vegas(VegasBuilder),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<AlgorithmConfig, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn every_name_is_read_and_written_back() {
        for name in AlgorithmConfig::NAMES {
            let json = match *name {
                "fixed" => r#"{"name":"fixed","limit":7}"#.to_owned(),
                name => format!(r#"{{"name":"{name}","initial_limit":30}}"#),
            };
            let config = read(&json).unwrap();
            assert_eq!(config.name(), *name);
            assert!(!config.is_windowed());
            let written = serde_json::to_string(&config).unwrap();
            assert_eq!(read(&written).unwrap(), config, "{written}");
            let initial = if *name == "fixed" { 7 } else { 30 };
            assert_eq!(config.try_build().unwrap().max_concurrency(), initial);
        }
    }

    #[test]
    fn a_window_is_a_table_beside_the_options() {
        let config = read(r#"{"name":"vegas","window":{"min_samples":20}}"#).unwrap();
        assert!(config.is_windowed());
        let built = AlgorithmConfig::from(VegasBuilder::default())
            .windowed(WindowedBuilder::default().min_samples(20));
        assert_eq!(config, built);
        let written = serde_json::to_string(&config).unwrap();
        assert_eq!(read(&written).unwrap(), config, "{written}");
        let refused = read(r#"{"name":"vegas","window":{"min_samples":0}}"#).unwrap();
        let refusal = refused.try_build().err().expect("0 samples are refused");
        assert_eq!(refusal.option(), "min_samples");
    }

    #[test]
    fn what_is_unknown_is_refused_by_name() {
        let cases = [
            (r#"{"name":"vega"}"#, "vega"),
            (r#"{"alpha":3}"#, "name"),
            (r#"{"name":"vegas","gamma":3}"#, "gamma"),
            (r#"{"name":"vegas","window":{"length":"1s"}}"#, "length"),
            (r#"{"name":"fixed"}"#, "limit"),
            (r#"{"name":"fixed","limit":-1}"#, "-1"),
        ];
        for (json, named) in cases {
            let error = read(json).expect_err(json);
            assert!(error.contains(named), "{json}: {error}");
        }
    }
}
