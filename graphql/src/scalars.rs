//! The API's scalars.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use domain::{Digest, Position};
use jiff::Timestamp;
use read_model::Micros;

/// Declares a scalar that is written as a string, with the address of its standard if there is one.
macro_rules! string_scalar {
    (
        $(#[$doc:meta])*
        $name:ident($inner:ty),
        $graphql:literal $(specified_by $url:literal)?,
        $parse:expr
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name(pub $inner);

        #[Scalar(name = $graphql $(, specified_by_url = $url)?)]
        impl ScalarType for $name {
            fn parse(value: Value) -> InputValueResult<Self> {
                let parse: fn(&str) -> Option<$inner> = $parse;
                match &value {
                    Value::String(text) => parse(text)
                        .map(Self)
                        .ok_or_else(|| InputValueError::custom(concat!("not a ", $graphql))),
                    _ => Err(InputValueError::expected_type(value)),
                }
            }

            fn to_value(&self) -> Value {
                Value::String(self.0.to_string())
            }
        }
    };
}

string_scalar!(
    /// RFC 3339, UTC.
    DateTime(Timestamp),
    "DateTime" specified_by "https://www.rfc-editor.org/rfc/rfc3339",
    |text| text.parse().ok()
);
string_scalar!(
    /// A day of the calendar: `2026-01-31`.
    Date(jiff::civil::Date),
    "Date",
    |text| text.parse().ok()
);
string_scalar!(
    /// Markdown source.
    Markdown(String),
    "Markdown" specified_by "https://www.rfc-editor.org/rfc/rfc7763",
    |text| Some(text.to_owned())
);
string_scalar!(
    /// Sanitised HTML.
    Html(String),
    "HTML" specified_by "https://html.spec.whatwg.org/",
    |text| Some(text.to_owned())
);
string_scalar!(
    /// Place in the global event log; a decimal string, so it is safe beyond 2^53.
    PositionScalar(Position),
    "Position",
    |text| text.parse().ok().map(Position)
);
string_scalar!(
    /// Opaque; names the log position a read must have reached.
    ConsistencyToken(Position),
    "ConsistencyToken",
    |text| text.parse().ok().map(Position)
);
string_scalar!(
    /// Lower-case hex SHA-256.
    Sha256(Digest),
    "Sha256" specified_by "https://doi.org/10.6028/NIST.FIPS.180-4",
    |text| text.parse().ok()
);

impl From<Micros> for DateTime {
    fn from(micros: Micros) -> Self {
        Self(micros.into())
    }
}
