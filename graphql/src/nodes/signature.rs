//! What submissions to a function problem define.

use async_graphql::{SimpleObject, Union};
use domain::function::{Arguments, Callable, Class, Declaration, Function, Method, Output, Param};
use serde_json::Value as Json;

/// What submissions to a function problem define.
#[derive(Debug, Clone, SimpleObject)]
pub struct Signature {
    /// The declaration on one line, such as `int[] twoSum(int[] nums, int target)`.
    text: String,
    /// The function or class.
    callable: CallableUnion,
    /// Types that the signature uses by name.
    structs: Vec<DeclaredType>,
}

/// A function or a class.
#[derive(Debug, Clone, Union)]
#[graphql(name = "Callable")]
pub(super) enum CallableUnion {
    Function(FunctionSignature),
    Class(ClassSignature),
}

/// A function that is called once in each test.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct FunctionSignature {
    /// The function's name as it is declared. Languages may write it differently.
    name: String,
    /// Its parameters.
    params: Vec<Parameter>,
    /// The type of its result; null if it returns nothing.
    returns: Option<String>,
    /// The parameter that is compared instead of the result; null if the result is compared.
    compared: Option<String>,
    /// Whether only as many first items of that parameter are compared as the function returns.
    prefix: bool,
}

/// A class. Each test makes one object and calls its methods.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct ClassSignature {
    /// The class's name.
    name: String,
    /// The parameters of its constructor.
    params: Vec<Parameter>,
    /// Its methods.
    methods: Vec<MethodSignature>,
}

/// A method of a class.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct MethodSignature {
    /// The method's name as it is declared.
    name: String,
    /// Its parameters.
    params: Vec<Parameter>,
    /// The type of its result; null if it returns nothing.
    returns: Option<String>,
}

/// A parameter, or a field of a declared type.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct Parameter {
    /// Its name.
    name: String,
    /// Its type, such as `int[]`.
    #[graphql(name = "type")]
    of: String,
}

/// A type with named fields.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct DeclaredType {
    /// Its name.
    name: String,
    /// Its fields.
    fields: Vec<Parameter>,
}

/// An argument of a call.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct Argument {
    /// The parameter's name; for a class, the name of the method that is called, with its arguments
    /// as the value.
    name: String,
    /// The value, as JSON.
    value: String,
}

impl Signature {
    /// The signature of a declaration; `None` if it declares none.
    pub(super) fn of(declaration: &Declaration) -> Option<Self> {
        let signature = declaration.read().ok()?;
        let structs = signature.structs.iter().map(|of| DeclaredType {
            name: of.name.clone(),
            fields: of
                .fields
                .iter()
                .map(|field| Parameter { name: field.name.clone(), of: field.of.to_string() })
                .collect(),
        });
        Some(Self {
            text: signature.to_string(),
            structs: structs.collect(),
            callable: match &signature.callable {
                Callable::Function(function) => CallableUnion::Function(function.into()),
                Callable::Class(class) => CallableUnion::Class(class.into()),
            },
        })
    }
}

impl From<&Function> for FunctionSignature {
    fn from(Function { name, params: of, returns, output }: &Function) -> Self {
        let compared = match output {
            Output::Result => None,
            Output::Argument(place) | Output::Prefix(place) => Some(of[*place].name.clone()),
        };
        Self {
            name: name.clone(),
            params: params(of),
            returns: returns.as_ref().map(ToString::to_string),
            compared,
            prefix: matches!(output, Output::Prefix(_)),
        }
    }
}

impl From<&Class> for ClassSignature {
    fn from(Class { name, constructor, methods }: &Class) -> Self {
        let method = |Method { name, params: of, returns }: &Method| MethodSignature {
            name: name.clone(),
            params: params(of),
            returns: returns.as_ref().map(ToString::to_string),
        };
        Self {
            name: name.clone(),
            params: params(constructor),
            methods: methods.iter().map(method).collect(),
        }
    }
}

fn params(of: &[Param]) -> Vec<Parameter> {
    let parameter =
        |param: &Param| Parameter { name: param.name.clone(), of: param.of.to_string() };
    of.iter().map(parameter).collect()
}

/// The arguments in a test's input, each with its name; empty if the input is not one.
pub(super) fn arguments(declaration: &Declaration, input: &str) -> Vec<Argument> {
    let Ok(signature) = declaration.read() else { return vec![] };
    let Ok(json) = serde_json::from_str::<Json>(input) else { return vec![] };
    let Ok(arguments) = signature.read_arguments(&json) else { return vec![] };
    let names: Vec<String> = match (&signature.callable, &arguments) {
        (Callable::Function(function), _) => {
            function.params.iter().map(|param| param.name.clone()).collect()
        }
        (Callable::Class(class), Arguments::Class(calls)) => {
            let method = |method: usize| class.methods[method].name.clone();
            calls
                .iter()
                .map(|call| call.method.map_or_else(|| class.name.clone(), method))
                .collect()
        }
        (Callable::Class(_), Arguments::Function(_)) => return vec![],
    };
    let written = signature.write_arguments(&arguments);
    let values = match &signature.callable {
        Callable::Function(_) => &written,
        Callable::Class(_) => &written[1],
    };
    let values = values.as_array().into_iter().flatten().map(Json::to_string);
    names.into_iter().zip(values).map(|(name, value)| Argument { name, value }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(declaration: &str, input: &str) -> Vec<(String, String)> {
        let declaration: Declaration = serde_json::from_str(declaration).unwrap();
        let arguments = arguments(&declaration, input).into_iter();
        arguments.map(|argument| (argument.name, argument.value)).collect()
    }

    #[test]
    fn arguments_have_the_names_of_their_parameters_or_methods() {
        let function = r#"{ "function": "f", "returns": "int", "params":
            [{ "name": "nums", "type": "int[]" }, { "name": "text", "type": "string" }] }"#;
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let expected = owned(&[("nums", "[1,2]"), ("text", "\"a\"")]);
        assert_eq!(named(function, "[[1, 2], \"a\"]"), expected);
        assert_eq!(named(function, "[1]"), []);
        let class = r#"{ "class": "C", "methods": [{ "name": "get", "returns": "int",
            "params": [{ "name": "key", "type": "int" }] }] }"#;
        let expected = owned(&[("C", "[]"), ("get", "[7]")]);
        assert_eq!(named(class, "[[\"C\", \"get\"], [[], [7]]]"), expected);
    }
}
