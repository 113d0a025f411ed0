//! Function problems: what a function takes and returns, and values of these types.
//!
//! A setter declares a signature once. A submission has only the function, in any language. Cases
//! are values in JSON ([`json`]); programs get and return them as frames ([`frame`]), which every
//! language can read without a parser. Both ways are exact.

mod comparison;
mod declaration;
pub mod frame;
pub mod json;
mod signature;
#[cfg(test)]
mod tests;
mod types;
mod value;

pub use comparison::Equality;
pub use declaration::{
    Declaration, DeclaredMethod, DeclaredOutput, DeclaredParam, DeclaredStruct, FIELDS_MAX,
    InvalidSignature, METHODS_MAX, NAME_CHARS_MAX, PARAMS_MAX, STRUCTS_MAX,
};
pub use json::Mismatch;
pub use signature::{
    Answer, Arguments, CALLS_MAX, Call, Callable, Class, Function, Method, NoAnswer, Output, Param,
    Signature,
};
pub use types::{Field, InvalidType, NESTING_MAX, NodeKind, Struct, Structs, Type};
pub use value::{BigInt, InvalidBigInt, Value, compare};
