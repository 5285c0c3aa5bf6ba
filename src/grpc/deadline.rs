use std::time::Duration;

use http::Request;
use tokio::time::Instant;

/// Returns when the caller of a request stops waiting for it: now, and its `grpc-timeout`.
///
/// `None` if there is none, or one that does not parse: such a call has no deadline.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use http::Request;
/// use tokio::time::Instant;
/// use tower_adaptive::grpc;
///
/// let request = Request::builder().header("grpc-timeout", "50m").body(())?;
/// let deadline = grpc::deadline(&request);
/// assert!(deadline.is_some_and(|at| at <= Instant::now() + Duration::from_millis(50)));
/// # Ok::<(), http::Error>(())
/// ```
#[must_use]
pub fn deadline<B>(request: &Request<B>) -> Option<Instant> {
    let timeout = request.headers().get(TIMEOUT)?;
    Instant::now().checked_add(parse(timeout.as_bytes())?)
}

/// Parses one to eight digits and a unit ([gRPC over HTTP/2]).
///
/// [gRPC over HTTP/2]: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
fn parse(timeout: &[u8]) -> Option<Duration> {
    let (unit, digits) = timeout.split_last()?;
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let n = digits
        .iter()
        .fold(0, |n, digit| 10 * n + u64::from(digit - b'0'));
    match unit {
        b'H' => Some(Duration::from_secs(3600 * n)),
        b'M' => Some(Duration::from_secs(60 * n)),
        b'S' => Some(Duration::from_secs(n)),
        b'm' => Some(Duration::from_millis(n)),
        b'u' => Some(Duration::from_micros(n)),
        b'n' => Some(Duration::from_nanos(n)),
        _ => None,
    }
}

const TIMEOUT: &str = "grpc-timeout";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UNITS: [(char, u128); 6] = [
        ('H', 3_600_000_000_000),
        ('M', 60_000_000_000),
        ('S', 1_000_000_000),
        ('m', 1_000_000),
        ('u', 1_000),
        ('n', 1),
    ];

    #[test]
    fn the_longest_timeout_is_a_deadline() {
        let request = Request::builder().header(TIMEOUT, "99999999H");

        assert!(deadline(&request.body(()).unwrap()).is_some());
    }

    #[test]
    fn a_timeout_that_does_not_parse_is_no_deadline() {
        for value in [
            "",
            "1",
            "S",
            "100000000S",
            "1s",
            "-1S",
            "+1S",
            " 1S",
            "1 S",
            "1.5S",
            "1SS",
            "٣S",
        ] {
            assert_eq!(parse(value.as_bytes()), None, "{value:?}");
            let request = Request::builder().header(TIMEOUT, value.as_bytes());
            assert_eq!(deadline(&request.body(()).unwrap()), None, "{value:?}");
        }
        assert_eq!(deadline(&Request::new(())), None);
    }

    proptest! {
        #[test]
        fn every_timeout_of_the_specification_parses(
            n in 0_u32..100_000_000,
            width in 1_usize..=8,
            (unit, ns) in proptest::sample::select(&UNITS[..]),
        ) {
            let text = format!("{n:0width$}{unit}");

            let parsed = parse(text.as_bytes()).map(|timeout| timeout.as_nanos());

            prop_assert_eq!(parsed, Some(u128::from(n) * ns), "{}", text);
        }

        #[test]
        fn nothing_else_parses(text in "[0-9HMSmun+ .-]{0,10}") {
            let parsed = parse(text.as_bytes());

            let (digits, unit) = text.split_at(text.len().saturating_sub(1));
            let is_one = UNITS.iter().any(|(letter, _)| unit == letter.to_string())
                && (1..=8).contains(&digits.len())
                && digits.bytes().all(|byte| byte.is_ascii_digit());
            prop_assert_eq!(parsed.is_some(), is_one, "{:?}", text);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let _ = parse(&bytes);
        }
    }
}
