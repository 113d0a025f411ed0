//! A signature as it is written: in packages, over the API, and in events.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::comparison::Equality;
use super::signature::{Callable, Class, Function, Method, Output, Param, Signature};
use super::types::{Field, InvalidType, Struct, Structs, Type};

/// Maximum number of parameters of a function.
pub const PARAMS_MAX: usize = 16;
/// Maximum number of methods of a class.
pub const METHODS_MAX: usize = 50;
/// Maximum number of declared types.
pub const STRUCTS_MAX: usize = 16;
/// Maximum number of fields of a declared type.
pub const FIELDS_MAX: usize = 16;
/// Maximum length of a name, in characters.
pub const NAME_CHARS_MAX: usize = 60;

/// A signature as it is written. Exactly one of `function` and `class` is given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// The function's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The class's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The function's parameters, or those of the class's constructor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<DeclaredParam>,
    /// The type of the function's result; `None` if it returns nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<String>,
    /// What is compared, if it is not the function's result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<DeclaredOutput>,
    /// The methods of the class.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<DeclaredMethod>,
    /// Types that the signature uses by name. Each may use those before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub structs: Vec<DeclaredStruct>,
    /// How results are compared.
    #[serde(default, skip_serializing_if = "is_exact")]
    pub equality: Equality,
}

fn is_exact(equality: &Equality) -> bool {
    *equality == Equality::default()
}

/// A parameter, or a field of a declared type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredParam {
    /// Its name.
    pub name: String,
    /// Its type, such as `int[]`.
    #[serde(rename = "type")]
    pub of: String,
}

/// What is compared instead of the function's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum DeclaredOutput {
    /// The parameter with this name, which the function changes in place.
    Argument(String),
    /// As many first items of this parameter as the function returns.
    Prefix(String),
}

/// A method of a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredMethod {
    /// Its name.
    pub name: String,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<DeclaredParam>,
    /// The type of its result; `None` if it returns nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<String>,
}

/// A type with named fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredStruct {
    /// Its name.
    pub name: String,
    /// Its fields.
    pub fields: Vec<DeclaredParam>,
}

/// The declaration is not a signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {reason}")]
pub struct InvalidSignature {
    /// The part of the declaration: `methods[1].params[0].type`.
    pub at: String,
    /// What is wrong with it.
    pub reason: String,
}

fn wrong<T>(at: impl Into<String>, reason: impl Into<String>) -> Result<T, InvalidSignature> {
    Err(InvalidSignature { at: at.into(), reason: reason.into() })
}

impl Declaration {
    /// The signature that this declares.
    ///
    /// # Errors
    /// If it does not declare one.
    pub fn read(&self) -> Result<Signature, InvalidSignature> {
        let structs = self.read_structs()?;
        let callable = match (&self.function, &self.class) {
            (Some(name), None) => Callable::Function(self.read_function(name, &structs)?),
            (None, Some(name)) => Callable::Class(self.read_class(name, &structs)?),
            _ => return wrong("function", "give either a function or a class"),
        };
        for (name, amount) in [
            ("float_absolute", self.equality.float_absolute),
            ("float_relative", self.equality.float_relative),
        ] {
            if !(amount.is_finite() && amount >= 0.0) {
                return wrong(format!("equality.{name}"), "it must be 0 or a positive number");
            }
        }
        let structs = self.structs.iter().filter_map(|of| structs.get(&of.name).cloned());
        Ok(Signature { callable, structs: structs.collect(), equality: self.equality.clone() })
    }

    fn read_structs(&self) -> Result<Structs, InvalidSignature> {
        check_count("structs", self.structs.len(), 0, STRUCTS_MAX)?;
        let mut structs = Structs::new();
        check_names("structs", self.structs.iter().map(|of| &of.name))?;
        for (index, declared) in self.structs.iter().enumerate() {
            let at = format!("structs[{index}]");
            if !declared.name.starts_with(|c: char| c.is_ascii_uppercase()) {
                return wrong(format!("{at}.name"), "it must begin with a capital letter");
            }
            if Type::parse(&declared.name, &Structs::new()).is_ok() {
                return wrong(format!("{at}.name"), "there is a built-in type of this name");
            }
            let at = format!("{at}.fields");
            check_count(&at, declared.fields.len(), 1, FIELDS_MAX)?;
            let fields = read_params(&at, &declared.fields, &structs)?;
            let fields = fields.into_iter().map(|Param { name, of }| Field { name, of }).collect();
            let name = declared.name.clone();
            structs.insert(name.clone(), Arc::new(Struct { name, fields }));
        }
        Ok(structs)
    }

    fn read_function(&self, name: &str, structs: &Structs) -> Result<Function, InvalidSignature> {
        check_name("function", name)?;
        if !self.methods.is_empty() {
            return wrong("methods", "only a class has methods");
        }
        check_count("params", self.params.len(), 0, PARAMS_MAX)?;
        let params = read_params("params", &self.params, structs)?;
        let returns = read_result("returns", self.returns.as_deref(), structs)?;
        let place = |kind: &str, name: &str| match params.iter().position(|it| it.name == name) {
            Some(place) => Ok(place),
            None => wrong(format!("output.{kind}"), format!("there is no parameter {name:?}")),
        };
        let output = match &self.output {
            None if returns.is_none() => {
                return wrong(
                    "output",
                    "a function that returns nothing changes an argument: say which",
                );
            }
            None => Output::Result,
            Some(DeclaredOutput::Argument(name)) => Output::Argument(place("argument", name)?),
            Some(DeclaredOutput::Prefix(name)) => {
                let place = place("prefix", name)?;
                if !matches!(params[place].of, Type::List(_)) {
                    return wrong("output.prefix", format!("{name:?} is not a list"));
                }
                if returns != Some(Type::Int) {
                    return wrong("returns", "it must be int: how many items of the prefix count");
                }
                Output::Prefix(place)
            }
        };
        Ok(Function { name: name.to_owned(), params, returns, output })
    }

    fn read_class(&self, name: &str, structs: &Structs) -> Result<Class, InvalidSignature> {
        check_name("class", name)?;
        if !name.starts_with(|c: char| c.is_ascii_uppercase()) {
            return wrong("class", "it must begin with a capital letter");
        }
        if self.returns.is_some() || self.output.is_some() {
            return wrong(
                "returns",
                "only a function has a result; those of a class are in methods",
            );
        }
        check_count("params", self.params.len(), 0, PARAMS_MAX)?;
        let constructor = read_params("params", &self.params, structs)?;
        check_count("methods", self.methods.len(), 1, METHODS_MAX)?;
        check_names("methods", self.methods.iter().map(|method| &method.name))?;
        let methods = self.methods.iter().enumerate().map(|(index, method)| {
            let at = format!("methods[{index}]");
            let params = format!("{at}.params");
            check_count(&params, method.params.len(), 0, PARAMS_MAX)?;
            Ok(Method {
                name: method.name.clone(),
                params: read_params(&params, &method.params, structs)?,
                returns: read_result(&format!("{at}.returns"), method.returns.as_deref(), structs)?,
            })
        });
        let methods = methods.collect::<Result<_, _>>()?;
        Ok(Class { name: name.to_owned(), constructor, methods })
    }
}

fn read_params(
    at: &str,
    declared: &[DeclaredParam],
    structs: &Structs,
) -> Result<Vec<Param>, InvalidSignature> {
    check_names(at, declared.iter().map(|param| &param.name))?;
    let params = declared.iter().enumerate().map(|(index, param)| {
        let of = read_type(&format!("{at}[{index}].type"), &param.of, structs)?;
        Ok(Param { name: param.name.clone(), of })
    });
    params.collect()
}

fn read_result(
    at: &str,
    declared: Option<&str>,
    structs: &Structs,
) -> Result<Option<Type>, InvalidSignature> {
    declared.map(|of| read_type(at, of, structs)).transpose()
}

fn read_type(at: &str, declared: &str, structs: &Structs) -> Result<Type, InvalidSignature> {
    let invalid =
        |error: InvalidType| InvalidSignature { at: at.to_owned(), reason: error.to_string() };
    Type::parse(declared, structs).map_err(invalid)
}

fn check_count(at: &str, count: usize, least: usize, most: usize) -> Result<(), InvalidSignature> {
    match (least..=most).contains(&count) {
        true => Ok(()),
        false => wrong(at, format!("there are {count}; {least} to {most} are allowed")),
    }
}

/// Checks names that are used beside each other. Languages write them with capital letters or with
/// underscores, so names that only differ in that are the same.
fn check_names<'a>(
    at: &str,
    names: impl Iterator<Item = &'a String>,
) -> Result<(), InvalidSignature> {
    let mut seen = BTreeSet::new();
    for (index, name) in names.enumerate() {
        let at = format!("{at}[{index}].name");
        check_name(&at, name)?;
        if !seen.insert(name.replace('_', "").to_ascii_lowercase()) {
            return wrong(at, format!("another name is like {name:?}"));
        }
    }
    Ok(())
}

fn check_name(at: &str, name: &str) -> Result<(), InvalidSignature> {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match begins && is_word && name.len() <= NAME_CHARS_MAX {
        true => Ok(()),
        false => wrong(
            at,
            format!(
                "{name:?} is not a name: a letter, and then letters, digits and _; {NAME_CHARS_MAX} \
                 characters at most"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn read(declaration: Json) -> Result<Signature, String> {
        let declaration: Declaration =
            serde_json::from_value(declaration).map_err(|error| error.to_string())?;
        declaration.read().map_err(|error| error.to_string())
    }

    #[test]
    fn a_declaration_is_written_as_it_was() {
        let written = json!({
            "class": "Cache",
            "params": [{ "name": "capacity", "type": "int" }],
            "methods": [
                { "name": "get", "params": [{ "name": "key", "type": "Key" }], "returns": "int?" },
                { "name": "clear" },
            ],
            "structs": [{ "name": "Key", "fields": [{ "name": "text", "type": "string" }] }],
        });
        let declaration: Declaration = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(serde_json::to_value(&declaration).unwrap(), written);
        let signature = declaration.read().unwrap();
        let Callable::Class(class) = &signature.callable else { panic!("{signature:?}") };
        assert_eq!(class.methods[0].params[0].of.to_string(), "Key");
        assert_eq!(class.methods[1].returns, None);
        assert_eq!(signature.structs[0].name, "Key");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let param = |name: &str, of: &str| json!({ "name": name, "type": of });
        let error = |declaration: Json| read(declaration).unwrap_err();
        assert!(error(json!({})).starts_with("function: give either"));
        assert!(error(json!({ "function": "f", "class": "F" })).starts_with("function: give"));
        assert!(error(json!({ "function": "f", "result": "int" })).contains("unknown field"));
        assert!(error(json!({ "function": "2f", "returns": "int" })).contains("is not a name"));
        let two = json!([param("aB", "int"), param("a_b", "int")]);
        let error_of_two = error(json!({ "function": "f", "params": two, "returns": "int" }));
        assert_eq!(error_of_two, "params[1].name: another name is like \"a_b\"");
        let unknown =
            json!({ "function": "f", "params": [param("a", "number")], "returns": "int" });
        assert!(error(unknown).starts_with("params[0].type: \"number\" is not a type"));
        let nothing = json!({ "function": "f", "params": [param("a", "int[]")] });
        assert!(error(nothing).contains("say which"));
        for (output, returns, place) in [
            (json!({ "argument": "b" }), "int", "output.argument"),
            (json!({ "prefix": "n" }), "int", "output.prefix"),
            (json!({ "prefix": "a" }), "long", "returns"),
        ] {
            let params = [param("a", "int[]"), param("n", "int")];
            let declared = json!({
                "function": "f", "params": params, "returns": returns, "output": output,
            });
            assert!(error(declared).starts_with(&format!("{place}: ")));
        }
        assert!(error(json!({ "class": "C" })).starts_with("methods: there are 0"));
        assert!(error(json!({ "class": "c", "methods": [{ "name": "m" }] })).contains("capital"));
        let tree = json!([{ "name": "TreeNode", "fields": [param("a", "int")] }]);
        let built_in = json!({ "function": "f", "returns": "int", "structs": tree });
        assert!(error(built_in).contains("built-in"));
        let tolerance =
            json!({ "function": "f", "returns": "float", "equality": { "float_absolute": -1 } });
        assert!(error(tolerance).starts_with("equality.float_absolute"));
    }
}
