//! LeetCode's description of a function or class.

use domain::function::{Declaration, DeclaredMethod, DeclaredOutput, DeclaredParam};
use serde::Deserialize;

#[derive(Deserialize)]
struct Metadata {
    name: Option<String>,
    #[serde(default)]
    params: Vec<Param>,
    #[serde(rename = "return")]
    returns: Option<Returns>,
    output: Option<Output>,
    classname: Option<String>,
    constructor: Option<Constructor>,
    #[serde(default)]
    methods: Vec<Method>,
}

#[derive(Deserialize)]
struct Param {
    name: String,
    #[serde(rename = "type")]
    of: String,
}

#[derive(Deserialize)]
struct Returns {
    #[serde(rename = "type")]
    of: String,
}

#[derive(Deserialize)]
struct Output {
    paramindex: Option<usize>,
}

#[derive(Deserialize)]
struct Constructor {
    #[serde(default)]
    params: Vec<Param>,
}

#[derive(Deserialize)]
struct Method {
    name: String,
    #[serde(default)]
    params: Vec<Param>,
    #[serde(rename = "return")]
    returns: Option<Returns>,
}

/// Reads the metadata as a declaration.
pub(super) fn read(bytes: &[u8]) -> Result<Declaration, String> {
    let metadata: Metadata = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let params = |params: Vec<Param>| {
        let param = |Param { name, of }| DeclaredParam { name, of: type_of(&of) };
        params.into_iter().map(param).collect::<Vec<_>>()
    };
    let returns = |returns: Option<Returns>| {
        returns.map(|returns| type_of(&returns.of)).filter(|of| of != "void")
    };
    if let Some(class) = metadata.classname {
        let method = |Method { name, params: of, returns: result }| DeclaredMethod {
            name,
            params: params(of),
            returns: returns(result),
        };
        return Ok(Declaration {
            class: Some(class),
            params: metadata.constructor.map_or_else(Vec::new, |it| params(it.params)),
            methods: metadata.methods.into_iter().map(method).collect(),
            ..Declaration::default()
        });
    }
    let params = params(metadata.params);
    let place = metadata.output.and_then(|output| output.paramindex);
    let changed = place.and_then(|place| params.get(place)).map(|param| param.name.clone());
    let returns = returns(metadata.returns);
    Ok(Declaration {
        function: metadata.name,
        output: changed.filter(|_| returns.is_none()).map(DeclaredOutput::Argument),
        params,
        returns,
        ..Declaration::default()
    })
}

/// `list<list<integer>>[]` is `int[][][]`.
fn type_of(written: &str) -> String {
    let written = written.trim();
    if let Some(item) = written.strip_suffix("[]") {
        return format!("{}[]", type_of(item));
    }
    if let Some(item) = written.strip_prefix("list<").and_then(|rest| rest.strip_suffix('>')) {
        return format!("{}[]", type_of(item));
    }
    let name = match written {
        "integer" => "int",
        "boolean" => "bool",
        "double" => "float",
        "character" => "char",
        other => other,
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_and_a_class_are_read() {
        let function = read(
            br#"{ "name": "threeSum", "params": [{ "name": "nums", "type": "integer[]" }],
                "return": { "type": "list<list<integer>>", "colsize": 3 }, "manual": false }"#,
        );
        let signature = function.unwrap().read().unwrap();
        assert_eq!(signature.to_string(), "int[][] threeSum(int[] nums)");
        let changes = read(
            br#"{ "name": "rotate", "params": [{ "name": "board", "type": "character[][]" }],
                "return": { "type": "void" }, "output": { "paramindex": 0 } }"#,
        );
        assert_eq!(changes.unwrap().output, Some(DeclaredOutput::Argument("board".to_owned())));
        let class = read(
            br#"{ "classname": "Cache", "constructor": { "params": [{ "name": "n", "type": "long" }] },
                "methods": [{ "name": "put", "params": [], "return": { "type": "void" } },
                            { "name": "top", "return": { "type": "double" } }] }"#,
        );
        let class = class.unwrap().read().unwrap();
        assert_eq!(class.to_string(), "class Cache { Cache(long n); void put(); float top(); }");
    }
}
