use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;
use tower_adaptive::{
    AimdBuilder, FathomBuilder, FixedBuilder, Gradient2Builder, LimiterConfig, VegasBuilder,
    WindowedBuilder,
};

use crate::refusal::Problem;

/// Reads a configuration, or says which option is wrong, and what it can be.
pub(crate) fn read(config: &Value) -> Result<LimiterConfig, Problem> {
    parse(config, "").map_err(|problem| in_algorithm(&config["algorithm"]).unwrap_or(problem))
}

/// The options of an algorithm are read by way of a buffer, which knows no more where it came from.
/// So they are read once more, from near by.
fn in_algorithm(algorithm: &Value) -> Option<Problem> {
    let mut options = algorithm.as_object()?.clone();
    let name = options.remove("name")?;
    let window = options.remove("window");
    let options = Value::Object(options);
    let own = match name.as_str()? {
        "aimd" => parse::<AimdBuilder>(&options, "").err(),
        "fathom" => parse::<FathomBuilder>(&options, "").err(),
        "fixed" => parse::<FixedBuilder>(&options, "").err(),
        "gradient2" => parse::<Gradient2Builder>(&options, "").err(),
        "vegas" => parse::<VegasBuilder>(&options, "").err(),
        _ => return None,
    };
    own.or_else(|| parse::<WindowedBuilder>(&window?, "window").err())
}

fn parse<T: DeserializeOwned>(value: &Value, otherwise: &str) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        // A key may have dots in it.
        let key = |segment: &Segment| match segment {
            Segment::Map { key } | Segment::Enum { variant: key } => Some(key.clone()),
            Segment::Seq { .. } | Segment::Unknown => None,
        };
        let option = error.path().iter().filter_map(key).next_back();
        let option = option.as_deref().unwrap_or(otherwise);
        problem(option, &error.inner().to_string())
    })
}

/// Puts what serde says into the words of `InvalidOption`.
fn problem(option: &str, message: &str) -> Problem {
    let quoted = |start: &str| Some(message.strip_prefix(start)?.split_once('`')?.0);
    let expected = message.split_once(", expected ").map(|(_, words)| words);
    let (option, range, got) = if let Some(field) = quoted("unknown field `") {
        let range = expected.map(|names| format!("left out: the options are {}", plain(names)));
        (field, range, None)
    } else if let Some(field) = quoted("missing field `") {
        (field, Some("given".to_owned()), None)
    } else if let Some(variant) = quoted("unknown variant `") {
        let option = if option == "algorithm" {
            "name"
        } else {
            option
        };
        (option, expected.map(plain), Some(format!("{variant:?}")))
    } else {
        let got = message
            .strip_prefix("invalid type: ")
            .or_else(|| message.strip_prefix("invalid value: "))
            .and_then(|rest| Some(rest.rsplit_once(", expected ")?.0.replace('`', "")));
        (option, expected.map(in_words), got)
    };
    let error = match (&range, got) {
        _ if option.is_empty() => message.to_owned(),
        (Some(range), Some(got)) => format!("{option} must be {range}, got {got}"),
        (Some(range), None) => format!("{option} must be {range}"),
        (None, _) => format!("{option}: {message}"),
    };
    Problem {
        error,
        option: (!option.is_empty()).then(|| option.to_owned()),
        range,
    }
}

fn plain(names: &str) -> String {
    names.replace('`', "")
}

/// What the types of Rust are called by people.
fn in_words(expected: &str) -> String {
    let words = match expected {
        "usize" | "u64" | "u32" => "a whole number",
        "f64" => "a number",
        "a boolean" => "true or false",
        "a duration" => "a duration with its unit, such as \"20ms\"",
        other => other,
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(config: Value) -> (String, String, String) {
        let problem = read(&config).expect_err("it is refused");
        let text = Option::unwrap_or_default;
        (problem.error, text(problem.option), text(problem.range))
    }

    #[test]
    fn the_option_that_is_wrong_is_named_with_what_it_can_be() {
        let cases = [
            (json!({"paused":1}), "paused", "true or false"),
            (
                json!({"queue":{"capacity":-1}}),
                "capacity",
                "a whole number",
            ),
            (json!({"queue":{"max_wait":"5"}}), "max_wait", "a duration"),
            (json!({"queue":{"length":5}}), "length", "capacity"),
            (
                json!({"bounds":{"min":"a","max":3}}),
                "min",
                "a whole number",
            ),
            (json!({"bounds":{"min":1}}), "max", "given"),
            (json!({"speed":3}), "speed", "left out"),
            (json!({"algorithm":{"name":"vega"}}), "name", "fathom"),
            (json!({"algorithm":{"headroom":1}}), "name", "given"),
            (
                json!({"algorithm":{"name":"fathom","headroom":"x"}}),
                "headroom",
                "a number",
            ),
            (
                json!({"algorithm":{"name":"fathom","gamma":1}}),
                "gamma",
                "headroom",
            ),
            (json!({"algorithm":{"name":"fixed"}}), "limit", "given"),
            (
                json!({"algorithm":{"name":"vegas","window":{"min_samples":"x"}}}),
                "min_samples",
                "a whole number",
            ),
            (json!({"priorities":{"/a.b":"urgent"}}), "/a.b", "critical"),
            (
                json!({"shares":{"guarantees":[{"key":"a"}]}}),
                "fraction",
                "given",
            ),
        ];
        for (config, option, range) in cases {
            let said = refused(config.clone());
            assert_eq!(said.1, option, "{config}: {said:?}");
            assert!(said.2.contains(range), "{config}: {said:?}");
            assert!(said.0.contains(option), "{config}: {said:?}");
        }
    }
}
