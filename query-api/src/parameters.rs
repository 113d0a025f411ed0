//! The parameters of a GraphQL request, from a body or from a URL.

use async_graphql::{Request, Variables};
use graphql::ApiError;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::documents::{DocumentId, PERSISTED_QUERY};

/// The parameters as a client sends them. Others are ignored.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    query: Option<String>,
    document_id: Option<String>,
    operation_name: Option<String>,
    variables: Option<Map<String, Value>>,
    extensions: Option<Map<String, Value>>,
}

impl TryFrom<Parameters> for Request {
    type Error = ApiError;

    fn try_from(parameters: Parameters) -> Result<Self, ApiError> {
        let Parameters { query, document_id, operation_name, variables, extensions } = parameters;
        let extensions = extensions.unwrap_or_default();
        if query.is_none() && document_id.is_none() && !extensions.contains_key(PERSISTED_QUERY) {
            let message = "this is not a GraphQL request: it has no `query` and no `documentId`";
            return Err(ApiError::bad_input(message));
        }
        let variables = Variables::from_json(Value::Object(variables.unwrap_or_default()));
        let mut request = Self::new(query.unwrap_or_default()).variables(variables);
        request.operation_name = operation_name;
        if let Some(id) = document_id {
            request.data.insert(DocumentId(id));
        }
        for (name, value) in extensions {
            // JSON values are GraphQL values.
            if let Ok(value) = async_graphql::Value::from_json(value) {
                request.extensions.insert(name, value);
            }
        }
        Ok(request)
    }
}

/// The request in a JSON body.
///
/// # Errors
/// If the body is not a GraphQL request.
pub(crate) fn from_body(body: &[u8]) -> Result<Request, ApiError> {
    let parameters: Parameters = serde_json::from_slice(body).map_err(|error| invalid(&error))?;
    parameters.try_into()
}

/// The request in a JSON value.
///
/// # Errors
/// As [`from_body`].
pub(crate) fn from_value(value: Value) -> Result<Request, ApiError> {
    let parameters: Parameters = serde_json::from_value(value).map_err(|error| invalid(&error))?;
    parameters.try_into()
}

fn invalid(error: &serde_json::Error) -> ApiError {
    ApiError::bad_input(format!("this is not a GraphQL request: {error}"))
}

/// The parameters of a URL. Variables and extensions are JSON.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UrlParameters {
    /// The document's text.
    pub(crate) query: Option<String>,
    document_id: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

impl UrlParameters {
    /// Whether the request is for GraphQL.
    pub(crate) fn has_document(&self) -> bool {
        self.query.is_some() || self.document_id.is_some() || self.extensions.is_some()
    }
}

impl TryFrom<UrlParameters> for Request {
    type Error = ApiError;

    fn try_from(url: UrlParameters) -> Result<Self, ApiError> {
        let json = |text: Option<String>, name: &str| {
            let text = text.filter(|text| !text.is_empty());
            let map = text.map(|text| serde_json::from_str::<Option<Map<String, Value>>>(&text));
            map.transpose().map(Option::flatten).map_err(|error| {
                ApiError::bad_input(format!("{name} in the URL is not a JSON object: {error}"))
            })
        };
        Parameters {
            query: url.query,
            document_id: url.document_id,
            operation_name: url.operation_name.filter(|name| !name.is_empty()),
            variables: json(url.variables, "variables")?,
            extensions: json(url.extensions, "extensions")?,
        }
        .try_into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_have_the_standards_types() {
        let mut good = vec![
            json!({ "query": "{ a }" }),
            json!({ "query": "{ a }", "operationName": null, "variables": null, "extensions": null }),
            json!({ "query": "{ a }", "operationName": "A", "variables": {}, "extensions": {} }),
            json!({ "query": "{ a }", "more": 7 }),
            json!({ "documentId": "a" }),
        ];
        let mut bad = vec![json!({}), json!([{ "query": "{ a }" }]), json!("{ a }"), json!(null)];
        for value in [json!(0), json!(false), json!([]), json!({})] {
            bad.push(json!({ "query": value }));
            bad.push(json!({ "documentId": value }));
            bad.push(json!({ "query": "{ a }", "operationName": value }));
        }
        for value in [json!(0), json!(false), json!(["a"]), json!("{}")] {
            bad.push(json!({ "query": "{ a }", "variables": value }));
            bad.push(json!({ "query": "{ a }", "extensions": value }));
        }
        for value in good.drain(..) {
            from_value(value).unwrap();
        }
        for value in bad {
            from_value(value.clone()).expect_err(&value.to_string());
        }
    }

    #[test]
    fn variables_in_a_url_are_json() {
        let url = |variables: &str| UrlParameters {
            query: Some("{ a }".to_owned()),
            document_id: None,
            operation_name: Some(String::new()),
            variables: Some(variables.to_owned()),
            extensions: None,
        };
        let request = Request::try_from(url("{\"a\":7}")).unwrap();
        assert_eq!(request.variables.len(), 1);
        assert_eq!(request.operation_name, None);
        for text in ["", "null", "{}"] {
            Request::try_from(url(text)).unwrap();
        }
        for text in ["7", "[]", "{", "\"{}\""] {
            Request::try_from(url(text)).unwrap_err();
        }
    }
}
