use http::Request;

/// Returns the service that a request calls: `pkg.Service` of `/pkg.Service/Method`.
///
/// Empty if the path is none of a gRPC call.
///
/// # Examples
///
/// ```
/// use http::Request;
/// use tower_adaptive::{AdmissionLayer, Fathom, grpc};
///
/// // Health checks are answered whatever the limit is.
/// let layer = AdmissionLayer::new(Fathom::default())
///     .respond_grpc()
///     .bypass(|request: &Request<String>| grpc::service(request) == "grpc.health.v1.Health");
/// # let _ = layer;
/// ```
#[must_use]
pub fn service<B>(request: &Request<B>) -> &str {
    split(request.uri().path()).0
}

/// Returns the method that a request calls: `Method` of `/pkg.Service/Method`.
///
/// Empty if the path is none of a gRPC call. Two services may have methods of the same name: for a
/// limit per method there is [`FullMethod`](super::FullMethod).
#[must_use]
pub fn method<B>(request: &Request<B>) -> &str {
    split(request.uri().path()).1
}

/// Returns the method that a request calls with its service: `pkg.Service/Method` of
/// `/pkg.Service/Method`.
///
/// Empty if the path is none of a gRPC call.
#[must_use]
pub fn full_method<B>(request: &Request<B>) -> &str {
    let path = request.uri().path();
    match split(path) {
        ("", "") => "",
        _ => &path[1..],
    }
}

fn split(path: &str) -> (&str, &str) {
    path.strip_prefix('/')
        .and_then(|path| path.rsplit_once('/'))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_service_and_a_method() {
        for (path, expected) in [
            ("/pkg.v1.Echo/Say", ("pkg.v1.Echo", "Say")),
            ("/Echo/Say?x=/y", ("Echo", "Say")),
            ("/gateway/pkg.Echo/Say", ("gateway/pkg.Echo", "Say")),
            ("/", ("", "")),
            ("/health", ("", "")),
            ("//", ("", "")),
            ("*", ("", "")),
        ] {
            let request = Request::builder().uri(path).body(()).unwrap();
            assert_eq!((service(&request), method(&request)), expected, "{path}");
            let full = match expected {
                ("", "") => String::new(),
                (service, method) => format!("{service}/{method}"),
            };
            assert_eq!(full_method(&request), full, "{path}");
        }
    }
}
