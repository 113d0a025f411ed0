//! Puts results into the standard's shape: fields are in the document's order, and a field that
//! failed is null, or makes what is around it null if it cannot be null itself.
//!
//! async-graphql leaves out a field that failed, and puts fields in the order in which they ended.

use std::collections::HashMap;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, ExecutableDocument, OperationType, Selection, SelectionSet, Type, TypeKind,
    TypeSystemDefinition,
};
use async_graphql::{Name, PathSegment, Response, ServerError, Value};

/// The types of all fields of a schema.
#[derive(Debug)]
pub(crate) struct FieldTypes(HashMap<String, HashMap<String, Type>>);

impl FieldTypes {
    /// Those of the schema with this SDL.
    pub(crate) fn of(sdl: &str) -> Self {
        let document = parse_schema(sdl).expect("it is SDL");
        let types = document.definitions.into_iter().filter_map(|definition| {
            let TypeSystemDefinition::Type(definition) = definition else { return None };
            let fields = match definition.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                _ => return None,
            };
            let fields = fields
                .into_iter()
                .map(|field| (field.node.name.node.to_string(), field.node.ty.node));
            Some((definition.node.name.node.to_string(), fields.collect()))
        });
        Self(types.collect())
    }

    fn field(&self, parent: &str, name: &str) -> Option<&Type> {
        self.0.get(parent)?.get(name)
    }
}

/// The shape of an operation's results.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    /// By the key in the result, in the document's order.
    fields: IndexMap<Name, Field>,
}

#[derive(Debug)]
struct Field {
    /// `None` for fields of introspection, which do not fail.
    of_type: Option<Type>,
    shape: Shape,
}

/// The places of errors, as a tree.
#[derive(Debug, Default)]
struct Failures {
    has_failed: bool,
    fields: HashMap<String, Failures>,
    items: HashMap<usize, Failures>,
}

impl Failures {
    /// The places of these errors. Errors of the document have none.
    fn of(errors: &[ServerError]) -> Self {
        let mut failures = Self::default();
        for error in errors.iter().filter(|error| !error.path.is_empty()) {
            let place = error.path.iter().fold(&mut failures, |place, segment| match segment {
                PathSegment::Field(key) => place.fields.entry(key.clone()).or_default(),
                PathSegment::Index(index) => place.items.entry(*index).or_default(),
            });
            place.has_failed = true;
        }
        failures
    }
}

impl Shape {
    /// The shape of this operation's results.
    pub(crate) fn of(
        types: &FieldTypes,
        document: &ExecutableDocument,
        operation_name: Option<&str>,
    ) -> Self {
        let mut shape = Self::default();
        let mut operations = document.operations.iter();
        let operation = operations
            .find(|(name, _)| operation_name.is_none() || name.map(Name::as_str) == operation_name);
        if let Some((_, operation)) = operation {
            let root = match operation.node.ty {
                OperationType::Query => "Query",
                OperationType::Mutation => "Mutation",
                OperationType::Subscription => "Subscription",
            };
            shape.take(types, document, root, &operation.node.selection_set.node);
        }
        shape
    }

    fn take(
        &mut self,
        types: &FieldTypes,
        document: &ExecutableDocument,
        parent: &str,
        set: &SelectionSet,
    ) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let of_type = types.field(parent, &field.name.node);
                    let named = of_type.map_or("", |it| named(&it.base));
                    let key = field.response_key().node.clone();
                    let entry = self.fields.entry(key).or_insert_with(|| Field {
                        of_type: of_type.cloned(),
                        shape: Self::default(),
                    });
                    entry.shape.take(types, document, named, &field.selection_set.node);
                }
                Selection::InlineFragment(fragment) => {
                    let on = fragment.node.type_condition.as_ref();
                    let parent = on.map_or(parent, |it| it.node.on.node.as_str());
                    self.take(types, document, parent, &fragment.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let Some(fragment) = document.fragments.get(name) else { continue };
                    let parent = fragment.node.type_condition.node.on.node.as_str();
                    self.take(types, document, parent, &fragment.node.selection_set.node);
                }
            }
        }
    }

    /// Gives a response of the operation its shape.
    pub(crate) fn give(&self, response: &mut Response) {
        let failures = Failures::of(&response.errors);
        if !failures.fields.is_empty() && self.fail(&failures, &mut response.data) {
            response.data = Value::Null;
        }
        self.order(&mut response.data);
    }

    /// Puts nulls where fields of an object failed. Returns whether the object must be null.
    fn fail(&self, failures: &Failures, value: &mut Value) -> bool {
        if *value == Value::Null {
            // Every field has failed.
            *value = Value::Object(IndexMap::default());
        }
        let Value::Object(object) = value else { return false };
        let mut must_be_null = false;
        for (key, failures) in &failures.fields {
            let Some(field) = self.fields.get(key.as_str()) else { continue };
            let Some(of_type) = &field.of_type else { continue };
            let known = object.entry(Name::new(key)).or_insert(Value::Null);
            must_be_null |= field.shape.fail_as(of_type, failures, known);
        }
        must_be_null
    }

    /// Puts nulls into a value of this type. Returns whether what is around it must be null.
    fn fail_as(&self, of_type: &Type, failures: &Failures, value: &mut Value) -> bool {
        let is_null = match (&of_type.base, &mut *value) {
            _ if failures.has_failed => true,
            // The list failed with one of its items.
            (BaseType::List(_), Value::Null) => true,
            (BaseType::List(item), Value::List(items)) => {
                let mut must_be_null = false;
                for (index, failures) in &failures.items {
                    let known = items.get_mut(*index);
                    must_be_null |= known.is_some_and(|known| self.fail_as(item, failures, known));
                }
                must_be_null
            }
            (BaseType::Named(_), known) => self.fail(failures, known),
            _ => false,
        };
        if is_null {
            *value = Value::Null;
        }
        is_null && !of_type.nullable
    }

    fn order(&self, value: &mut Value) {
        match value {
            _ if self.fields.is_empty() => {}
            Value::List(items) => items.iter_mut().for_each(|item| self.order(item)),
            Value::Object(object) => {
                let place = |key: &Name| self.fields.get_index_of(key).unwrap_or(usize::MAX);
                if !object.keys().is_sorted_by_key(place) {
                    object.sort_by(|one, _, other, _| place(one).cmp(&place(other)));
                }
                for (key, value) in object.iter_mut() {
                    if let Some(field) = self.fields.get(key) {
                        field.shape.order(value);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The type without its lists.
fn named(base: &BaseType) -> &str {
    match base {
        BaseType::Named(name) => name,
        BaseType::List(item) => named(&item.base),
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::{Value as Json, json};

    use super::*;

    const SDL: &str = "
        interface Node { id: ID! name: String }
        type User implements Node { id: ID! name: String friends: [User!]! maybe: [User] best: User }
        type Query { me: User you: User! node: Node all: [User!] number: Int }
    ";

    /// The result of a document, from what async-graphql makes of it and the places of errors.
    fn shaped(text: &str, data: Json, failed: &[&[Json]]) -> Value {
        let mut response = Response::new(Value::from_json(data).unwrap());
        response.errors = failed
            .iter()
            .map(|path| {
                let segments = path.iter().map(|segment| match segment {
                    Json::String(key) => PathSegment::Field(key.clone()),
                    index => PathSegment::Index(index.as_u64().unwrap() as usize),
                });
                ServerError { path: segments.collect(), ..ServerError::new("failed", None) }
            })
            .collect();
        let document = parse_query(text).unwrap();
        Shape::of(&FieldTypes::of(SDL), &document, None).give(&mut response);
        response.data
    }

    #[test]
    fn a_field_that_failed_is_null_or_what_is_around_it_is() {
        let [me, you, all, friends, maybe, best, id, name, number] =
            ["me", "you", "all", "friends", "maybe", "best", "id", "name", "number"]
                .map(Json::from);
        let [first, second] = [0, 1].map(Json::from);
        for (text, data, failed, expected) in [
            // All fields failed.
            (
                "{ me { id } number }",
                json!(null),
                vec![vec![&me], vec![&number]],
                json!({ "me": null, "number": null }),
            ),
            (
                "{ number me { id } }",
                json!({ "me": { "id": "1" } }),
                vec![vec![&number]],
                json!({ "number": null, "me": { "id": "1" } }),
            ),
            // A field that cannot be null.
            (
                "{ me { id name } }",
                json!({ "me": { "name": "a" } }),
                vec![vec![&me, &id]],
                json!({ "me": null }),
            ),
            ("{ you { id } number }", json!({ "number": 1 }), vec![vec![&you, &id]], json!(null)),
            (
                "{ me { name } }",
                json!({ "me": null }),
                vec![vec![&me, &name]],
                json!({ "me": { "name": null } }),
            ),
            // Lists of what cannot be null, and of what can.
            (
                "{ all { id } number }",
                json!({ "number": 1 }),
                vec![vec![&all, &second, &id]],
                json!({ "all": null, "number": 1 }),
            ),
            (
                "{ all { id } }",
                json!({ "all": [{ "id": "1" }, {}] }),
                vec![vec![&all, &second, &id]],
                json!({ "all": null }),
            ),
            (
                "{ me { maybe { id } } }",
                json!({ "me": { "maybe": [{}, { "id": "2" }] } }),
                vec![vec![&me, &maybe, &first, &id]],
                json!({ "me": { "maybe": [null, { "id": "2" }] } }),
            ),
            (
                "{ me { best { friends { id } } name } }",
                json!({ "me": { "name": "a", "best": null } }),
                vec![vec![&me, &best, &friends, &first, &id]],
                json!({ "me": { "best": null, "name": "a" } }),
            ),
            // Behind an alias and a fragment.
            (
                "{ node { ...u } } fragment u on User { n: name }",
                json!({ "node": null }),
                vec![vec![&json!("node"), &json!("n")]],
                json!({ "node": { "n": null } }),
            ),
        ] {
            let failed: Vec<Vec<Json>> =
                failed.into_iter().map(|path| path.into_iter().cloned().collect()).collect();
            let failed: Vec<&[Json]> = failed.iter().map(Vec::as_slice).collect();
            let data = shaped(text, data, &failed).into_json().unwrap();
            assert_eq!(data, expected, "{text}");
        }
    }

    #[test]
    fn fields_are_in_the_documents_order() {
        let text = "{ number ...f me { id best { name id } name } }
            fragment f on Query { me { name } you { id } }";
        let data = json!({
            "you": { "id": "2" },
            "me": { "best": { "id": "3", "name": "c" }, "id": "1", "name": "a" },
            "number": 7
        });
        assert_eq!(
            shaped(text, data, &[]).to_string(),
            "{number: 7, me: {name: \"a\", id: \"1\", best: {name: \"c\", id: \"3\"}}, \
             you: {id: \"2\"}}"
        );
    }
}
