//! What a submission has to define, and the cases that it is called with.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::comparison::Equality;
use super::frame::{self, Malformed};
use super::json::{self, Mismatch};
use super::types::{Struct, Type};
use super::value::Value;

/// Maximum number of calls in a case of a class.
pub const CALLS_MAX: usize = 100_000;

/// What a submission has to define.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    /// The function or class.
    pub callable: Callable,
    /// The types that it declares, each after those that it uses.
    pub structs: Vec<Arc<Struct>>,
    /// How results are compared.
    pub equality: Equality,
}

/// A function or class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Callable {
    /// A function, called once in each case.
    Function(Function),
    /// A class. Each case constructs one object and calls its methods in order.
    Class(Class),
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its parameters.
    pub params: Vec<Param>,
    /// The type of its result, if it has one.
    pub returns: Option<Type>,
    /// What is compared.
    pub output: Output,
}

/// A class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Its name.
    pub name: String,
    /// The parameters of its constructor.
    pub constructor: Vec<Param>,
    /// Its methods.
    pub methods: Vec<Method>,
}

/// A method of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Method {
    /// Its name.
    pub name: String,
    /// Its parameters.
    pub params: Vec<Param>,
    /// The type of its result, if it has one.
    pub returns: Option<Type>,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Its type.
    pub of: Type,
}

/// What is compared after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// The result.
    Result,
    /// The parameter at this place, which the function changes.
    Argument(usize),
    /// As many first items of the parameter at this place as the function returns.
    Prefix(usize),
}

/// The input of a case.
#[derive(Debug, Clone, PartialEq)]
pub enum Arguments {
    /// The arguments of a function.
    Function(Vec<Value>),
    /// The calls of a class's methods; the first is the constructor.
    Class(Vec<Call>),
}

/// One call in a case of a class.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The method's place, from 0; `None` for the constructor.
    pub method: Option<usize>,
    /// The arguments.
    pub arguments: Vec<Value>,
}

/// What a case should give, or has given.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// What is compared of a function.
    Function(Value),
    /// The result of each call of a class, `None` for the constructor and for methods without one.
    Class(Vec<Option<Value>>),
}

/// A program's reply is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The bytes are not of the expected type.
    #[error("the reply is malformed: {0}")]
    Malformed(#[from] Malformed),
    /// The function returned a length that its argument does not have.
    #[error("it returned {length}, and the list has {items} items")]
    Length {
        /// What it returned.
        length: i32,
        /// The length of the list.
        items: usize,
    },
}

impl Signature {
    /// Reads the input of a case: an array of arguments or, for a class, an array of the names of
    /// the called methods and an array of the arguments of each. The constructor has the class's
    /// name.
    ///
    /// # Errors
    /// If the JSON is not of the declared types.
    pub fn read_arguments(&self, json: &Json) -> Result<Arguments, Mismatch> {
        match &self.callable {
            Callable::Function(function) => {
                read_all(&function.params, json, "argument").map(Arguments::Function)
            }
            Callable::Class(class) => read_calls(class, json).map(Arguments::Class),
        }
    }

    /// The JSON of a case's input.
    pub fn write_arguments(&self, arguments: &Arguments) -> Json {
        match (&self.callable, arguments) {
            (Callable::Function(function), Arguments::Function(values)) => {
                write_all(&function.params, values)
            }
            (Callable::Class(class), Arguments::Class(calls)) => {
                let name = |call: &Call| match call.method {
                    None => class.name.clone(),
                    Some(method) => class.methods[method].name.clone(),
                };
                let names: Vec<String> = calls.iter().map(name).collect();
                let arguments =
                    calls.iter().map(|call| write_all(class.params(call.method), &call.arguments));
                json!([names, arguments.collect::<Vec<_>>()])
            }
            _ => Json::Null,
        }
    }

    /// Reads what a case with this input should give: a value or, for a class, the array of the
    /// results, null for calls without one.
    ///
    /// # Errors
    /// If the JSON is not of the declared types.
    pub fn read_answer(&self, arguments: &Arguments, json: &Json) -> Result<Answer, Mismatch> {
        match (&self.callable, arguments) {
            (Callable::Class(class), Arguments::Class(calls)) => {
                let Json::Array(results) = json else {
                    return Err(Mismatch::new("expected the array of the calls' results"));
                };
                if results.len() != calls.len() {
                    let (found, expected) = (results.len(), calls.len());
                    return Err(Mismatch::new(format!(
                        "there are {found} results, and {expected} calls"
                    )));
                }
                let results = calls.iter().zip(results).enumerate();
                let read = results.map(|(index, (call, json))| {
                    let result = match (class.returns(call.method), json) {
                        (Some(of), json) => json::read(of, json).map(Some),
                        (None, Json::Null) => Ok(None),
                        (None, _) => Err(Mismatch::new("this call has no result: expected null")),
                    };
                    result.map_err(|mismatch| mismatch.in_item(index))
                });
                read.collect::<Result<_, _>>().map(Answer::Class)
            }
            (Callable::Function(function), _) => {
                json::read(function.compared(), json).map(Answer::Function)
            }
            (Callable::Class(_), Arguments::Function(_)) => {
                Err(Mismatch::new("the input is not one of a class"))
            }
        }
    }

    /// The JSON of an answer to this input.
    pub fn write_answer(&self, arguments: &Arguments, answer: &Answer) -> Json {
        match (&self.callable, arguments, answer) {
            (Callable::Function(function), _, Answer::Function(value)) => {
                json::write(function.compared(), value)
            }
            (Callable::Class(class), Arguments::Class(calls), Answer::Class(results)) => {
                let results = calls.iter().zip(results).map(|(call, result)| {
                    match (class.returns(call.method), result) {
                        (Some(of), Some(value)) => json::write(of, value),
                        _ => Json::Null,
                    }
                });
                Json::Array(results.collect())
            }
            _ => Json::Null,
        }
    }

    /// The input of a case as bytes for a program: the arguments one after the other or, for a
    /// class, the number of calls in 4 bytes, and for each call its method in one byte, 0 for the
    /// constructor and then from 1, and its arguments.
    pub fn message(&self, arguments: &Arguments) -> Vec<u8> {
        let mut bytes = Vec::new();
        match arguments {
            Arguments::Function(values) => {
                values.iter().for_each(|value| frame::write(value, &mut bytes));
            }
            Arguments::Class(calls) => {
                frame::write_count(calls.len(), &mut bytes);
                for call in calls {
                    let method = call.method.map_or(0, |method| method + 1);
                    bytes.push(u8::try_from(method).expect("a class has fewer methods"));
                    call.arguments.iter().for_each(|value| frame::write(value, &mut bytes));
                }
            }
        }
        bytes
    }

    /// Reads a program's reply to a case: the bytes of what is compared, after the returned length
    /// if that is a prefix; for a class, those of the results one after the other.
    ///
    /// # Errors
    /// If the bytes are no answer to it.
    pub fn read_reply(&self, arguments: &Arguments, bytes: &[u8]) -> Result<Answer, NoAnswer> {
        let mut reader = frame::Reader::new(bytes);
        let answer = match (&self.callable, arguments) {
            (Callable::Function(function), _) => {
                let length = match function.output {
                    Output::Prefix(_) => Some(reader.int()?),
                    Output::Result | Output::Argument(_) => None,
                };
                let value = reader.value(function.compared())?;
                reader.end()?;
                Answer::Function(prefix(value, length)?)
            }
            (Callable::Class(_), Arguments::Class(calls)) => {
                let results = self.read_results(calls, &mut reader)?;
                reader.end()?;
                Answer::Class(results)
            }
            (Callable::Class(_), Arguments::Function(_)) => Answer::Class(vec![]),
        };
        Ok(answer)
    }

    fn read_results(
        &self,
        calls: &[Call],
        reader: &mut frame::Reader<'_>,
    ) -> Result<Vec<Option<Value>>, Malformed> {
        let Callable::Class(class) = &self.callable else { return Ok(vec![]) };
        let result =
            |call: &Call| class.returns(call.method).map(|of| reader.value(of)).transpose();
        calls.iter().map(result).collect()
    }

    /// Whether an answer counts as the expected one.
    pub fn holds(&self, expected: &Answer, found: &Answer) -> bool {
        match (expected, found) {
            (Answer::Function(expected), Answer::Function(found)) => {
                self.equality.holds(expected, found)
            }
            (Answer::Class(expected), Answer::Class(found)) => {
                expected.len() == found.len()
                    && expected.iter().zip(found).all(|pair| match pair {
                        (Some(expected), Some(found)) => self.equality.holds(expected, found),
                        (expected, found) => expected.is_none() == found.is_none(),
                    })
            }
            _ => false,
        }
    }

    /// Every type of a parameter or result.
    pub fn types(&self) -> Vec<&Type> {
        fn of_params(params: &[Param]) -> impl Iterator<Item = &Type> {
            params.iter().map(|param| &param.of)
        }
        match &self.callable {
            Callable::Function(function) => {
                of_params(&function.params).chain(&function.returns).collect()
            }
            Callable::Class(class) => {
                let methods = class.methods.iter();
                let of_methods =
                    methods.flat_map(|method| of_params(&method.params).chain(&method.returns));
                of_params(&class.constructor).chain(of_methods).collect()
            }
        }
    }

    /// The name of the function or class.
    pub fn name(&self) -> &str {
        match &self.callable {
            Callable::Function(function) => &function.name,
            Callable::Class(class) => &class.name,
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.callable {
            Callable::Function(function) => write!(
                f,
                "{} {}({})",
                Returns(function.returns.as_ref()),
                function.name,
                Params(&function.params)
            ),
            Callable::Class(class) => {
                write!(f, "class {} {{ {0}({});", class.name, Params(&class.constructor))?;
                for Method { name, params, returns } in &class.methods {
                    write!(f, " {} {name}({});", Returns(returns.as_ref()), Params(params))?;
                }
                f.write_str(" }")
            }
        }
    }
}

struct Returns<'a>(Option<&'a Type>);

impl fmt::Display for Returns<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(of) => of.fmt(f),
            None => f.write_str("void"),
        }
    }
}

struct Params<'a>(&'a [Param]);

impl fmt::Display for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let params = self.0.iter().map(|param| format!("{} {}", param.of, param.name));
        f.write_str(&params.collect::<Vec<_>>().join(", "))
    }
}

impl Function {
    /// The type of what is compared.
    pub fn compared(&self) -> &Type {
        match self.output {
            Output::Argument(place) | Output::Prefix(place) => &self.params[place].of,
            Output::Result => self.returns.as_ref().expect("a declaration was checked for this"),
        }
    }
}

impl Class {
    fn params(&self, method: Option<usize>) -> &[Param] {
        method.map_or(&self.constructor, |method| &self.methods[method].params)
    }

    fn returns(&self, method: Option<usize>) -> Option<&Type> {
        self.methods[method?].returns.as_ref()
    }
}

fn prefix(value: Value, length: Option<i32>) -> Result<Value, NoAnswer> {
    match (value, length) {
        (Value::List(mut items), Some(length)) => {
            let outside = NoAnswer::Length { length, items: items.len() };
            let count = usize::try_from(length).ok().filter(|count| *count <= items.len());
            items.truncate(count.ok_or(outside)?);
            Ok(Value::List(items))
        }
        (value, _) => Ok(value),
    }
}

fn read_all(params: &[Param], json: &Json, what: &str) -> Result<Vec<Value>, Mismatch> {
    let Json::Array(items) = json else {
        return Err(Mismatch::new(format!("expected an array with {} {what}s", params.len())));
    };
    if items.len() != params.len() {
        let (found, expected) = (items.len(), params.len());
        return Err(Mismatch::new(format!("there are {found} {what}s; expected {expected}")));
    }
    let values = params.iter().zip(items).enumerate();
    let read = values.map(|(index, (param, json))| {
        json::read(&param.of, json).map_err(|mismatch| mismatch.in_item(index))
    });
    read.collect()
}

fn write_all(params: &[Param], values: &[Value]) -> Json {
    params.iter().zip(values).map(|(param, value)| json::write(&param.of, value)).collect()
}

fn read_calls(class: &Class, json: &Json) -> Result<Vec<Call>, Mismatch> {
    let expected = || Mismatch::new("expected the array of names and the array of arguments");
    let Some([Json::Array(names), Json::Array(arguments)]) = json.as_array().map(Vec::as_slice)
    else {
        return Err(expected());
    };
    if names.len() != arguments.len() || names.len() > CALLS_MAX {
        let (names, arguments) = (names.len(), arguments.len());
        return Err(Mismatch::new(format!(
            "there are {names} names and {arguments} arrays of arguments; expected the same number \
             of both, and at most {CALLS_MAX}"
        )));
    }
    let calls = names.iter().zip(arguments).enumerate().map(|(index, (name, json))| {
        let method = read_method(class, index, name)
            .map_err(|mismatch| mismatch.in_item(index).in_item(0))?;
        let arguments = read_all(class.params(method), json, "argument")
            .map_err(|mismatch| mismatch.in_item(index).in_item(1))?;
        Ok(Call { method, arguments })
    });
    let calls: Vec<Call> = calls.collect::<Result<_, _>>()?;
    if calls.is_empty() {
        return Err(Mismatch::new("the first call must be the constructor"));
    }
    Ok(calls)
}

fn read_method(class: &Class, index: usize, name: &Json) -> Result<Option<usize>, Mismatch> {
    let Some(name) = name.as_str() else {
        return Err(Mismatch::new("expected the name of a method"));
    };
    let method = class.methods.iter().position(|method| method.name == name);
    match (index, method) {
        (0, _) if name == class.name => Ok(None),
        (0, _) => Err(Mismatch::new(format!("the first call must be {:?}", class.name))),
        (_, Some(method)) => Ok(Some(method)),
        (_, None) => Err(Mismatch::new(format!("{:?} has no method {name:?}", class.name))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Declaration;
    use super::*;

    fn signature(declaration: Json) -> Signature {
        serde_json::from_value::<Declaration>(declaration).unwrap().read().unwrap()
    }

    fn param(name: &str, of: &str) -> Json {
        json!({ "name": name, "type": of })
    }

    fn two_sum() -> Signature {
        signature(json!({
            "function": "twoSum",
            "params": [param("nums", "int[]"), param("target", "int")],
            "returns": "int[]",
            "equality": { "unordered": [0] },
        }))
    }

    fn cache() -> Signature {
        signature(json!({
            "class": "Cache",
            "params": [param("capacity", "int")],
            "methods": [
                { "name": "get", "params": [param("key", "int")], "returns": "string?" },
                { "name": "put", "params": [param("key", "int"), param("value", "string")] },
            ],
        }))
    }

    #[test]
    fn a_case_of_a_function_goes_to_a_program_and_back() {
        let signature = two_sum();
        let input = json!([[2, 7, 11], 9]);
        let arguments = signature.read_arguments(&input).unwrap();
        assert_eq!(signature.write_arguments(&arguments), input);
        let message = [3, 0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 11, 0, 0, 0, 9, 0, 0, 0];
        assert_eq!(signature.message(&arguments), message);
        let expected = signature.read_answer(&arguments, &json!([0, 1])).unwrap();
        let reply = [2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
        let found = signature.read_reply(&arguments, &reply).unwrap();
        assert_eq!(signature.write_answer(&arguments, &found), json!([1, 0]));
        assert!(signature.holds(&expected, &found));
        let malformed = signature.read_reply(&arguments, &reply[..11]).unwrap_err();
        assert_eq!(malformed.to_string(), "the reply is malformed: it ends too early");
    }

    #[test]
    fn a_case_of_a_class_goes_to_a_program_and_back() {
        let signature = cache();
        let input = json!([["Cache", "put", "get", "get"], [[2], [1, "a"], [1], [3]]]);
        let arguments = signature.read_arguments(&input).unwrap();
        assert_eq!(signature.write_arguments(&arguments), input);
        let message = signature.message(&arguments);
        assert_eq!(message[..9], [4, 0, 0, 0, 0, 2, 0, 0, 0]);
        assert_eq!(message[9..], [2, 1, 0, 0, 0, 1, 0, 0, 0, b'a', 1, 1, 0, 0, 0, 1, 3, 0, 0, 0]);
        let results = json!([null, null, "a", null]);
        let expected = signature.read_answer(&arguments, &results).unwrap();
        let found = signature.read_reply(&arguments, &[1, 1, 0, 0, 0, b'a', 0]).unwrap();
        assert!(signature.holds(&expected, &found));
        assert_eq!(signature.write_answer(&arguments, &found), results);
        let other = signature.read_reply(&arguments, &[0, 0]).unwrap();
        assert!(!signature.holds(&expected, &other));
    }

    #[test]
    fn a_signature_is_shown_as_a_reader_expects() {
        assert_eq!(two_sum().to_string(), "int[] twoSum(int[] nums, int target)");
        let class = "class Cache { Cache(int capacity); string? get(int key); \
                     void put(int key, string value); }";
        assert_eq!(cache().to_string(), class);
    }

    #[test]
    fn what_is_wrong_in_a_case_is_named_with_its_place() {
        let error = |signature: &Signature, json: Json| {
            signature.read_arguments(&json).unwrap_err().to_string()
        };
        assert_eq!(error(&two_sum(), json!([[1]])), "$: there are 1 arguments; expected 2");
        assert!(error(&two_sum(), json!([[1, "2"], 3])).starts_with("$[0][1]: "));
        let class = cache();
        assert!(error(&class, json!([[], []])).contains("constructor"));
        assert!(error(&class, json!([["get"], [[1]]])).starts_with("$[0][0]: the first call"));
        let absent = json!([["Cache", "pop"], [[1], []]]);
        assert_eq!(error(&class, absent), "$[0][1]: \"Cache\" has no method \"pop\"");
        let mistyped = json!([["Cache", "get"], [[1], ["k"]]]);
        assert!(error(&class, mistyped).starts_with("$[1][1][0]: "));
        let arguments = class.read_arguments(&json!([["Cache", "get"], [[1], [2]]])).unwrap();
        let answer = |json: Json| class.read_answer(&arguments, &json).unwrap_err().to_string();
        assert_eq!(answer(json!([null])), "$: there are 1 results, and 2 calls");
        assert!(answer(json!([1, "a"])).starts_with("$[0]: this call has no result"));
        assert!(answer(json!([null, 1])).starts_with("$[1]: "));
    }

    #[test]
    fn of_a_prefix_only_the_returned_number_of_items_counts() {
        let signature = signature(json!({
            "function": "dedupe",
            "params": [param("nums", "int[]")],
            "returns": "int",
            "output": { "prefix": "nums" },
        }));
        let arguments = signature.read_arguments(&json!([[1, 1]])).unwrap();
        let reply = |length: i32| {
            let bytes = [length.to_le_bytes(), [2, 0, 0, 0], [1, 0, 0, 0], [9, 0, 0, 0]].concat();
            signature.read_reply(&arguments, &bytes)
        };
        assert_eq!(signature.write_answer(&arguments, &reply(1).unwrap()), json!([1]));
        for length in [-1, 3] {
            assert_eq!(reply(length), Err(NoAnswer::Length { length, items: 2 }));
        }
    }
}
