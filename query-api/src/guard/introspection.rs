//! Bounds the answer to an introspection query. Types lead to each other in rings, so a small
//! document can ask for an answer of any size. The answer follows from the schema alone: its size
//! is added up here before anything is resolved.

use std::collections::{HashMap, VecDeque};
use std::ptr;
use std::sync::{Mutex, PoisonError};

use async_graphql::parser::types::{
    BaseType, DirectiveDefinition, EnumValueDefinition, ExecutableDocument, Field, FieldDefinition,
    InputValueDefinition, Selection, SelectionSet, Type, TypeDefinition, TypeKind,
    TypeSystemDefinition,
};
use async_graphql::parser::{parse_query, parse_schema};
use async_graphql::{Name, Positioned, Value, Variables};
use graphql::ApiError;

use super::exceeded::exceeded;

/// The introspection query that clients and tools send.
pub(super) const USUAL: &str = include_str!("usual.graphql");
/// How large an answer may be, in percent of the answer to [`USUAL`].
const ANSWER_PERCENT_MAX: u64 = 150;
/// Maximum number of different parts of an answer.
const PARTS_MAX: usize = 100_000;
/// The types that every schema has.
const BUILT_IN: &str = include_str!("introspection.graphql");
/// Maximum number of documents that are known to have passed. Clients ask for the schema with the same
/// few documents again and again, and adding up an answer takes much longer than parsing one.
const PASSED_MAX: usize = 16;
/// Size of a value that is not a text, such as `true`, and of what stands around a field.
const VALUE_BYTES: u64 = 8;
/// What an object counts for, in bytes: it costs time even if nothing in it is asked for.
const OBJECT_BYTES: u64 = 64;

/// The schema as introspection shows it.
#[derive(Debug)]
pub(super) struct Introspection {
    /// The schema itself is the first one.
    objects: Vec<Object>,
    types: HashMap<String, Id>,
    /// Maximum price of the answers to a document, in bytes.
    price_max: u64,
    /// The last documents that have passed, whatever their variables.
    passed: Mutex<VecDeque<Box<str>>>,
}

/// The index of an object.
type Id = usize;

/// What introspection shows about the schema, a type, a field, an argument, a value or a directive.
#[derive(Debug, Default)]
struct Object {
    /// Sizes of its texts, in bytes.
    texts: Vec<(&'static str, u64)>,
    /// Its other fields, each with the objects in it.
    links: Vec<(&'static str, Vec<Id>)>,
}

impl Object {
    fn new(name: &str, description: Option<&Positioned<String>>) -> Self {
        let description = description.map_or(0, |text| text.node.len());
        let texts = [("name", name.len()), ("description", description)];
        let texts = texts.map(|(field, bytes)| (field, bytes as u64)).into();
        Self { texts, links: vec![] }
    }

    fn link(&mut self, field: &'static str, to: impl IntoIterator<Item = Id>) {
        self.links.push((field, to.into_iter().collect()));
    }
}

impl Introspection {
    /// The introspection of the schema with this SDL.
    pub(super) fn of(sdl: &str) -> Self {
        let documents = [sdl, BUILT_IN].map(|text| parse_schema(text).expect("it is SDL"));
        let definitions: Vec<_> = documents.into_iter().flat_map(|it| it.definitions).collect();
        let (objects, types) = (vec![Object::default()], HashMap::new());
        let mut schema = Self { objects, types, price_max: u64::MAX, passed: Mutex::default() };
        let types = || {
            definitions.iter().filter_map(|definition| match definition {
                TypeSystemDefinition::Type(definition) => Some(&definition.node),
                _ => None,
            })
        };
        // First, so that types can refer to each other.
        for definition in types() {
            let object = Object::new(&definition.name.node, definition.description.as_ref());
            let id = schema.add(object);
            schema.types.insert(definition.name.node.to_string(), id);
        }
        let all: Vec<Id> = schema.types.values().copied().collect();
        schema.objects[0].link("types", all);
        for (root, name) in [
            ("queryType", "Query"),
            ("mutationType", "Mutation"),
            ("subscriptionType", "Subscription"),
        ] {
            let id = schema.types.get(name).copied();
            schema.objects[0].link(root, id);
        }
        for definition in types() {
            schema.link_type(definition, types());
        }
        let directives = definitions.iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Directive(definition) => Some(&definition.node),
            _ => None,
        });
        let directives: Vec<Id> = directives.map(|it| schema.add_directive(it)).collect();
        schema.objects[0].link("directives", directives);
        let usual = parse_query(USUAL).expect("it is a query");
        let usual = schema.price(&usual, &Variables::default());
        schema.price_max = usual.expect("it has no limit yet") * ANSWER_PERCENT_MAX / 100;
        schema
    }

    fn add(&mut self, object: Object) -> Id {
        self.objects.push(object);
        self.objects.len() - 1
    }

    fn link_type<'a>(
        &mut self,
        definition: &TypeDefinition,
        all: impl Iterator<Item = &'a TypeDefinition>,
    ) {
        let (fields, implements, inputs, values): (&[_], &[_], &[_], &[_]) = match &definition.kind
        {
            TypeKind::Scalar | TypeKind::Union(_) => (&[], &[], &[], &[]),
            TypeKind::Object(it) => (&it.fields, &it.implements, &[], &[]),
            TypeKind::Interface(it) => (&it.fields, &it.implements, &[], &[]),
            TypeKind::InputObject(it) => (&[], &[], &it.fields, &[]),
            TypeKind::Enum(it) => (&[], &[], &[], &it.values),
        };
        let name = &definition.name.node;
        let possible: Vec<Id> = match &definition.kind {
            TypeKind::Union(union) => self.named(&union.members).collect(),
            TypeKind::Interface(_) => {
                let implementing = all.filter(|it| match &it.kind {
                    TypeKind::Object(object) => object.implements.iter().any(|it| it.node == *name),
                    _ => false,
                });
                implementing
                    .filter_map(|it| self.types.get(it.name.node.as_str()).copied())
                    .collect()
            }
            _ => vec![],
        };
        let interfaces: Vec<Id> = self.named(implements).collect();
        let fields: Vec<Id> = fields.iter().map(|it| self.add_field(&it.node)).collect();
        let inputs: Vec<Id> = inputs.iter().map(|it| self.add_input(&it.node)).collect();
        let values: Vec<Id> = values.iter().map(|it| self.add_value(&it.node)).collect();
        let object = &mut self.objects[self.types[name.as_str()]];
        object.link("possibleTypes", possible);
        object.link("interfaces", interfaces);
        object.link("fields", fields);
        object.link("inputFields", inputs);
        object.link("enumValues", values);
        object.link("ofType", None);
    }

    fn named<'a>(&'a self, names: &'a [Positioned<Name>]) -> impl Iterator<Item = Id> + 'a {
        names.iter().filter_map(|name| self.types.get(name.node.as_str()).copied())
    }

    fn add_field(&mut self, field: &FieldDefinition) -> Id {
        let mut object = Object::new(&field.name.node, field.description.as_ref());
        let inputs = field.arguments.iter().map(|it| self.add_input(&it.node));
        object.link("args", inputs.collect::<Vec<_>>());
        object.link("type", self.type_of(&field.ty.node));
        self.add(object)
    }

    fn add_input(&mut self, input: &InputValueDefinition) -> Id {
        let mut object = Object::new(&input.name.node, input.description.as_ref());
        let default = input.default_value.as_ref().map_or(0, |it| it.node.to_string().len());
        object.texts.push(("defaultValue", default as u64));
        object.link("type", self.type_of(&input.ty.node));
        self.add(object)
    }

    fn add_value(&mut self, value: &EnumValueDefinition) -> Id {
        self.add(Object::new(&value.value.node, value.description.as_ref()))
    }

    fn add_directive(&mut self, directive: &DirectiveDefinition) -> Id {
        let mut object = Object::new(&directive.name.node, directive.description.as_ref());
        let locations = directive.locations.len() as u64;
        object.texts.push(("locations", locations * 2 * VALUE_BYTES));
        let inputs = directive.arguments.iter().map(|it| self.add_input(&it.node));
        object.link("args", inputs.collect::<Vec<_>>());
        self.add(object)
    }

    /// The object of a type, which may be a list, or not nullable.
    fn type_of(&mut self, wanted: &Type) -> Option<Id> {
        let key = wanted.to_string();
        if let Some(known) = self.types.get(&key) {
            return Some(*known);
        }
        let inner = match &wanted.base {
            _ if !wanted.nullable => {
                self.type_of(&Type { base: wanted.base.clone(), nullable: true })
            }
            BaseType::List(item) => self.type_of(item),
            // Validation reports a type that does not exist.
            BaseType::Named(_) => return None,
        };
        let mut object = Object::default();
        object.link("ofType", inner);
        let id = self.add(object);
        self.types.insert(key, id);
        Some(id)
    }

    /// Refuses a document with this text if the answers to its introspection would be too large.
    pub(super) fn check(
        &self,
        text: &str,
        document: &ExecutableDocument,
        variables: &Variables,
    ) -> Result<(), ApiError> {
        let asked = asked(document);
        if asked.is_empty() || self.has_passed(text) {
            return Ok(());
        }
        let price = self.price(document, variables);
        price.filter(|price| *price <= self.price_max).ok_or_else(|| {
            let max = self.price_max;
            exceeded(format!("the answer to this introspection has more than {max} bytes"))
        })?;
        if !asked.iter().any(|field| depends_on_variables(field)) {
            self.remember(text);
        }
        Ok(())
    }

    fn has_passed(&self, text: &str) -> bool {
        let passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        passed.iter().any(|it| **it == *text)
    }

    fn remember(&self, text: &str) {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        if passed.len() >= PASSED_MAX {
            passed.pop_front();
        }
        passed.push_back(text.into());
    }

    /// The size of the answers to the document's introspection; `None` if it is too large.
    fn price(&self, document: &ExecutableDocument, variables: &Variables) -> Option<u64> {
        let asked = asked(document);
        let mut prices = Prices { schema: self, document, known: HashMap::new() };
        let mut total = 0_u64;
        for field in asked {
            let object = match field.name.node.as_str() {
                "__schema" => Some(0),
                _ => named_type(field, variables).and_then(|name| self.types.get(&name).copied()),
            };
            let Some(object) = object else { continue };
            let price = prices.of(&field.selection_set.node, object);
            total = total.saturating_add(price?);
        }
        Some(total)
    }
}

/// Whether the document asks for the schema.
pub(super) fn is_in(document: &ExecutableDocument) -> bool {
    !asked(document).is_empty()
}

/// Every `__schema` and `__type` of a document.
fn asked(document: &ExecutableDocument) -> Vec<&Field> {
    let operations = document.operations.iter().map(|(_, it)| &it.node.selection_set.node);
    let fragments = document.fragments.values().map(|it| &it.node.selection_set.node);
    let mut asked = Vec::new();
    operations.chain(fragments).for_each(|set| find(set, &mut asked));
    asked
}

/// Finds every `__schema` and `__type`.
fn find<'a>(set: &'a SelectionSet, found: &mut Vec<&'a Field>) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => match field.node.name.node.as_str() {
                "__schema" | "__type" => found.push(&field.node),
                _ => find(&field.node.selection_set.node, found),
            },
            Selection::InlineFragment(fragment) => {
                find(&fragment.node.selection_set.node, found);
            }
            Selection::FragmentSpread(_) => {}
        }
    }
}

/// Whether the type that a `__type` asks for is in a variable.
fn depends_on_variables(field: &Field) -> bool {
    let name = field.get_argument("name").map(|name| name.node.clone());
    name.is_some_and(|name| name.into_const().is_none())
}

/// The argument of `__type`.
fn named_type(field: &Field, variables: &Variables) -> Option<String> {
    let name = field.get_argument("name")?;
    let value = name.node.clone().into_const_with(|name| variables.get(&name).cloned().ok_or(()));
    match value {
        Ok(Value::String(name)) => Some(name),
        _ => None,
    }
}

/// Sizes of answers, each added up once.
struct Prices<'a> {
    schema: &'a Introspection,
    document: &'a ExecutableDocument,
    known: HashMap<(*const SelectionSet, Id), u64>,
}

impl<'a> Prices<'a> {
    /// Bytes of the answer to this selection on this object; `None` if it is too large.
    fn of(&mut self, set: &'a SelectionSet, id: Id) -> Option<u64> {
        let key = (ptr::from_ref(set), id);
        if let Some(known) = self.known.get(&key) {
            return Some(*known);
        }
        let object = &self.schema.objects[id];
        let mut price = OBJECT_BYTES;
        for selection in &set.items {
            let more = match &selection.node {
                Selection::Field(field) => self.of_field(&field.node, object)?,
                Selection::InlineFragment(fragment) => {
                    self.of(&fragment.node.selection_set.node, id)?
                }
                Selection::FragmentSpread(spread) => {
                    match self.document.fragments.get(&spread.node.fragment_name.node) {
                        Some(fragment) => self.of(&fragment.node.selection_set.node, id)?,
                        None => 0,
                    }
                }
            };
            price = price.saturating_add(more);
        }
        if price > self.schema.price_max || self.known.len() >= PARTS_MAX {
            return None;
        }
        self.known.insert(key, price);
        Some(price)
    }

    fn of_field(&mut self, field: &'a Field, object: &'a Object) -> Option<u64> {
        let name = field.name.node.as_str();
        let mut price = field.response_key().node.len() as u64 + VALUE_BYTES;
        if let Some((_, bytes)) = object.texts.iter().find(|(text, _)| *text == name) {
            price += bytes;
        }
        if let Some((_, linked)) = object.links.iter().find(|(link, _)| *link == name) {
            for id in linked {
                let inner = self.of(&field.selection_set.node, *id)?;
                price = price.saturating_add(inner);
            }
        }
        Some(price)
    }
}
