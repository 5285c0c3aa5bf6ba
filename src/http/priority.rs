use http::Request;
use http::header::HeaderName;

use crate::Priority;

/// Returns a function that reads a request's priority from a header, or gRPC metadata.
///
/// The value is one that [`Priority`] parses. A request without it, or with another, is
/// [`Normal`](Priority::Normal).
///
/// Whoever sends a request sets its headers: at the edge, overwrite this one, or everybody is
/// critical.
///
/// # Examples
///
/// ```
/// use http::Request;
/// use tower_adaptive::{Priority, http::priority};
///
/// let priority = priority("x-priority");
/// let request = Request::builder().header("x-priority", "critical").body(())?;
/// assert_eq!(priority(&request), Priority::Critical);
/// assert_eq!(priority(&Request::new(())), Priority::Normal);
/// # Ok::<(), http::Error>(())
/// ```
///
/// # Panics
///
/// Panics if `header` is not the name of a header in lower case.
pub fn priority<B>(header: &'static str) -> impl Fn(&Request<B>) -> Priority + Clone + Send + Sync {
    let Ok(header) = HeaderName::from_lowercase(header.as_bytes()) else {
        panic!("{header:?} is not the name of a header in lower case")
    };
    move |request| {
        let value = request.headers().get(&header);
        value
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_parse_is_normal() {
        let priority = priority("x-priority");
        for (value, expected) in [
            (&b"HIGH"[..], Priority::High),
            (b"sheddable", Priority::Sheddable),
            (b"urgent", Priority::Normal),
            (b"", Priority::Normal),
            (b"\xff", Priority::Normal),
        ] {
            let request = Request::builder()
                .header("x-priority", value)
                .body(())
                .unwrap();
            assert_eq!(priority(&request), expected, "{value:?}");
        }
    }

    #[test]
    #[should_panic = "\"X-Priority\" is not the name of a header in lower case"]
    fn a_header_in_upper_case_panics_when_the_function_is_made() {
        let _ = priority::<()>("X-Priority");
    }
}
