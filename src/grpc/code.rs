use std::fmt;

use http::HeaderMap;

/// A gRPC status: how a call ended.
///
/// The numbers are those on the wire, and those of `tonic::Code`.
///
/// # Examples
///
/// ```
/// use tower_adaptive::grpc::Code;
///
/// assert_eq!(Code::from(14), Code::Unavailable);
/// assert_eq!(Code::from(4711), Code::Unknown);
/// assert_eq!(Code::Unavailable.to_string(), "UNAVAILABLE");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Code {
    /// It succeeded.
    Ok = 0,
    /// The caller gave up.
    Cancelled = 1,
    /// An error that says no more, or a status that nobody knows.
    Unknown = 2,
    /// The request is wrong, whatever the state of the system.
    InvalidArgument = 3,
    /// The deadline was over before the call.
    DeadlineExceeded = 4,
    /// It does not exist.
    NotFound = 5,
    /// It exists already.
    AlreadyExists = 6,
    /// The caller must not.
    PermissionDenied = 7,
    /// A quota or a resource is used up.
    ResourceExhausted = 8,
    /// The system is not in the state that the call needs.
    FailedPrecondition = 9,
    /// Another call was in the way: a transaction that lost.
    Aborted = 10,
    /// Beyond the end.
    OutOfRange = 11,
    /// There is no such method.
    Unimplemented = 12,
    /// Something that must not happen did.
    Internal = 13,
    /// Not now; the call may be tried again.
    Unavailable = 14,
    /// Data is lost.
    DataLoss = 15,
    /// Nobody knows who the caller is.
    Unauthenticated = 16,
}

impl Code {
    /// All of them, each at its number.
    pub const ALL: [Self; 17] = [
        Self::Ok,
        Self::Cancelled,
        Self::Unknown,
        Self::InvalidArgument,
        Self::DeadlineExceeded,
        Self::NotFound,
        Self::AlreadyExists,
        Self::PermissionDenied,
        Self::ResourceExhausted,
        Self::FailedPrecondition,
        Self::Aborted,
        Self::OutOfRange,
        Self::Unimplemented,
        Self::Internal,
        Self::Unavailable,
        Self::DataLoss,
        Self::Unauthenticated,
    ];

    /// Reads `grpc-status` in the head of a response or in its trailers. One that is none of the
    /// 17 is [`Unknown`](Self::Unknown).
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(STATUS)?;
        let number = value.to_str().ok().and_then(|text| text.parse().ok());
        Some(number.map_or(Self::Unknown, |number: i32| Self::from(number)))
    }

    /// Returns the name, as in the specification.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Cancelled => "CANCELLED",
            Self::Unknown => "UNKNOWN",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::NotFound => "NOT_FOUND",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::FailedPrecondition => "FAILED_PRECONDITION",
            Self::Aborted => "ABORTED",
            Self::OutOfRange => "OUT_OF_RANGE",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Internal => "INTERNAL",
            Self::Unavailable => "UNAVAILABLE",
            Self::DataLoss => "DATA_LOSS",
            Self::Unauthenticated => "UNAUTHENTICATED",
        }
    }
}

/// A number that is none of the 17 is [`Unknown`](Code::Unknown).
impl From<i32> for Code {
    fn from(number: i32) -> Self {
        let index = usize::try_from(number).ok();
        let code = index.and_then(|index| Self::ALL.get(index).copied());
        code.unwrap_or(Self::Unknown)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

pub(super) const STATUS: &str = "grpc-status";

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn each_is_read_from_its_number() {
        for (number, code) in (0..).zip(Code::ALL) {
            assert_eq!(code as i32, number);
            assert_eq!(Code::from(number), code);

            let headers =
                HeaderMap::from_iter([(STATUS.parse().unwrap(), HeaderValue::from(code as u16))]);
            assert_eq!(Code::from_headers(&headers), Some(code));
        }
    }

    #[test]
    fn what_is_no_status_is_unknown() {
        assert_eq!(Code::from_headers(&HeaderMap::new()), None);
        for value in ["17", "-1", "99999999999", "OK", "", "1 4"] {
            let headers =
                HeaderMap::from_iter([(STATUS.parse().unwrap(), HeaderValue::from_static(value))]);
            assert_eq!(Code::from_headers(&headers), Some(Code::Unknown), "{value}");
        }
    }
}
