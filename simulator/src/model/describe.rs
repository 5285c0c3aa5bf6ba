use std::ops::RangeInclusive;

use super::{CountsAs, DeadlineCountsAs, Maybe, Service, Span};

/// What there is to say about one of the [`Params`](super::Params).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Described {
    /// Its name, as configuration spells it.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub doc: String,
    /// What it can be.
    pub domain: Domain,
    /// Whether it can be `"none"`, too.
    pub optional: bool,
}

/// What the value of an option can be.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Domain {
    /// A number in a range.
    Number(RangeInclusive<f64>),
    /// A whole number in a range.
    Integer(RangeInclusive<u32>),
    /// A duration in a range.
    Duration(RangeInclusive<Span>),
    /// True or false.
    Flag,
    /// One of several words.
    Choice(&'static [&'static str]),
}

/// A type of options that can say what its values are.
pub(super) trait Describe {
    /// Its range.
    type Range;

    /// Whether it can be `"none"`.
    const OPTIONAL: bool = false;

    /// Returns what its values in `range` are.
    fn domain(range: Self::Range) -> Domain;
}

/// Says which kind a type of options is.
macro_rules! kinds {
    ($($type:ty: $range:ty, |$in:pat_param| $domain:expr;)*) => {$(
        impl Describe for $type {
            type Range = $range;

            fn domain($in: $range) -> Domain {
                $domain
            }
        }
    )*};
}

kinds! {
    f64: RangeInclusive<Self>, |range| Domain::Number(range);
    u32: RangeInclusive<Self>, |range| Domain::Integer(range);
    Span: RangeInclusive<Self>, |range| Domain::Duration(range);
    bool: (), |()| Domain::Flag;
    Service: (), |()| Domain::Choice(&["constant", "exponential", "lognormal", "bimodal"]);
    CountsAs: (), |()| Domain::Choice(&["nothing", "success", "overload"]);
    DeadlineCountsAs: (), |()| Domain::Choice(&["canceled", "overload"]);
}

impl<T: Describe> Describe for Maybe<T> {
    type Range = T::Range;

    const OPTIONAL: bool = true;

    fn domain(range: Self::Range) -> Domain {
        T::domain(range)
    }
}

/// Joins the lines of a doc comment.
pub(super) fn sentence(lines: &[&str]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| line.trim()).collect();
    lines.join(" ").replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::super::Params;
    use super::*;

    #[test]
    fn options_are_described_as_they_are_declared() {
        let all = Params::describe();
        let find = |name| all.iter().find(|one| one.name == name).expect(name);
        assert_eq!(find("rate").domain, Domain::Number(0.0..=1e6));
        assert!(find("rate").doc.ends_with("as a Poisson process."));
        assert!(find("queue").optional);
        assert!(!find("servers").optional);
        assert_eq!(find("black_hole").domain, Domain::Flag);
    }

    #[test]
    fn every_word_of_a_choice_is_one_that_configuration_knows() {
        for one in Params::describe() {
            let Domain::Choice(words) = one.domain else {
                continue;
            };
            for word in words {
                let toml = format!("{} = {word:?}", one.name);
                toml::from_str::<Params>(&toml).expect(&toml);
            }
        }
    }
}
