//! What templates know of a signature: names as the language writes them, and for each type the
//! columns of the language's table.

use std::collections::BTreeMap;

use domain::function::{
    Callable, Class, Function, Method, NodeKind, Output, Param, Signature, Type,
};
use minijinja::{Environment, Value, context};
use serde::Serialize;

use crate::names::Names;

/// The columns of one type: templates by name.
pub(crate) type Columns = BTreeMap<String, String>;

/// A language cannot express a type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it has no values of type {0}")]
pub struct Unsupported(pub String);

/// Builds the context of a signature.
pub(crate) struct Contexts<'a> {
    pub(crate) environment: &'a Environment<'a>,
    pub(crate) table: &'a BTreeMap<String, Columns>,
    pub(crate) names: &'a Names,
}

/// A parameter or field.
#[derive(Serialize)]
struct Named {
    name: String,
    #[serde(flatten)]
    columns: BTreeMap<String, String>,
}

impl Contexts<'_> {
    /// The context of a signature. `flags` are those of a source.
    pub(crate) fn of(
        &self,
        signature: &Signature,
        flags: &BTreeMap<&str, bool>,
    ) -> Result<Value, Unsupported> {
        let structs = signature.structs.iter().map(|of| {
            let fields = self.fields(of.fields.iter().map(|field| (&field.name, &field.of)))?;
            Ok(context! { name => of.name, fields => fields })
        });
        let structs: Vec<Value> = structs.collect::<Result<_, Unsupported>>()?;
        let (function, class) = match &signature.callable {
            Callable::Function(function) => (Some(self.function(function)?), None),
            Callable::Class(class) => (None, Some(self.class(class)?)),
        };
        let uses = |wanted: Type| {
            let is_wanted = move |of: &Type| *of == wanted;
            signature.types().iter().any(|of| of.contains(&is_wanted))
        };
        Ok(context! {
            function => function,
            class => class,
            structs => structs,
            flags => flags,
            uses => context! {
                list_node => uses(Type::ListNode),
                tree_node => uses(Type::TreeNode),
                neighbors => uses(Type::Node(NodeKind::Neighbors)),
                children => uses(Type::Node(NodeKind::Children)),
                random => uses(Type::Node(NodeKind::Random)),
                bigint => uses(Type::BigInt),
                long => uses(Type::Long),
            },
        })
    }

    fn function(&self, function: &Function) -> Result<Value, Unsupported> {
        let (output, place) = match function.output {
            Output::Result => ("result", 0),
            Output::Argument(place) => ("argument", place),
            Output::Prefix(place) => ("prefix", place),
        };
        Ok(context! {
            name => self.names.write(self.names.function, &function.name),
            declared => function.name,
            params => self.params(&function.params)?,
            returns => self.returns(function.returns.as_ref())?,
            output => output,
            place => place,
        })
    }

    fn class(&self, class: &Class) -> Result<Value, Unsupported> {
        let methods = class.methods.iter().map(|method| self.method(method));
        Ok(context! {
            name => class.name,
            constructor => self.params(&class.constructor)?,
            methods => methods.collect::<Result<Vec<_>, _>>()?,
        })
    }

    fn method(&self, method: &Method) -> Result<Value, Unsupported> {
        Ok(context! {
            name => self.names.write(self.names.function, &method.name),
            declared => method.name,
            params => self.params(&method.params)?,
            returns => self.returns(method.returns.as_ref())?,
        })
    }

    fn params(&self, params: &[Param]) -> Result<Vec<Named>, Unsupported> {
        self.fields(params.iter().map(|param| (&param.name, &param.of)))
    }

    fn fields<'b>(
        &self,
        fields: impl Iterator<Item = (&'b String, &'b Type)>,
    ) -> Result<Vec<Named>, Unsupported> {
        let named = fields.map(|(name, of)| {
            let name = self.names.write(self.names.parameter, name);
            Ok(Named { name, columns: self.columns(of)? })
        });
        named.collect()
    }

    fn returns(
        &self,
        returns: Option<&Type>,
    ) -> Result<Option<BTreeMap<String, String>>, Unsupported> {
        returns.map(|of| self.columns(of)).transpose()
    }

    /// The columns of a type, with those of its parts filled in.
    fn columns(&self, of: &Type) -> Result<BTreeMap<String, String>, Unsupported> {
        let (row, parts) = match of {
            Type::Bool => ("bool", context! {}),
            Type::Int => ("int", context! {}),
            Type::Long => ("long", context! {}),
            Type::BigInt => ("bigint", context! {}),
            Type::Float => ("float", context! {}),
            Type::Char => ("char", context! {}),
            Type::String => ("string", context! {}),
            Type::List(item) => ("list", context! { item => self.columns(item)? }),
            Type::Optional(item) => ("optional", context! { item => self.columns(item)? }),
            Type::Map(key, value) => {
                ("map", context! { key => self.columns(key)?, value => self.columns(value)? })
            }
            Type::Tuple(items) => {
                let items = items.iter().map(|item| self.columns(item));
                ("tuple", context! { items => items.collect::<Result<Vec<_>, _>>()? })
            }
            Type::Struct(of) => {
                let fields = self.fields(of.fields.iter().map(|field| (&field.name, &field.of)))?;
                ("struct", context! { name => of.name, fields => fields })
            }
            Type::ListNode => ("list_node", context! {}),
            Type::TreeNode => ("tree_node", context! {}),
            Type::Node(kind) => (kind.name(), context! {}),
        };
        let columns = self.table.get(row).ok_or_else(|| Unsupported(of.to_string()))?;
        let rendered = columns.iter().map(|(name, template)| {
            let text =
                self.environment.render_str(template, context! { of => row, ..parts.clone() });
            (name.clone(), text.unwrap_or_else(|error| format!("({error:#})")))
        });
        let rendered = rendered.chain([("of".to_owned(), row.to_owned())]);
        Ok(rendered.collect())
    }
}
