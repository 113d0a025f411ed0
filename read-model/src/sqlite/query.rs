//! Translates conditions and stretches to SQL.
//!
//! Values are bound, never written into the text. Field names are written into it, but only plain
//! ones. Each indexed field has its own column.

use std::collections::BTreeSet;

use rusqlite::types::Value as Bound;
use serde_json::Value;

use crate::names::{InvalidName, plain};
use crate::paging::{Leg, Stretch};
use crate::{Collection, Condition, Direction, Scalar};

/// A statement and its parameters, in order.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) text: String,
    pub(super) bound: Vec<Bound>,
    /// Fields that are in an index.
    indexed: BTreeSet<&'static str>,
}

impl Query {
    /// `SELECT key, document` of one leg of a page.
    pub(super) fn page(
        collection: &Collection,
        table: &str,
        conditions: &[Condition],
        leg: &Leg,
    ) -> Result<Self, InvalidName> {
        let mut query = Self::of(collection, format!("SELECT key, document FROM \"{table}\""));
        query.filter(conditions, Some(&leg.stretch))?;
        let direction = match leg.direction {
            Direction::Ascending => "ASC",
            Direction::Descending => "DESC",
        };
        query.text += " ORDER BY ";
        if let Stretch::Between { field, .. } = &leg.stretch {
            let field = query.field(field)?;
            query.text += &format!("{field} {direction}, ");
        }
        query.text += &format!("key {direction} LIMIT ?");
        query.bound.push(Bound::Integer(i64::try_from(leg.limit).unwrap_or(i64::MAX)));
        Ok(query)
    }

    /// `SELECT count(*)`.
    pub(super) fn count(
        collection: &Collection,
        table: &str,
        conditions: &[Condition],
    ) -> Result<Self, InvalidName> {
        let mut query = Self::of(collection, format!("SELECT count(*) FROM \"{table}\""));
        query.filter(conditions, None)?;
        Ok(query)
    }

    fn of(collection: &Collection, text: String) -> Self {
        Self { text, bound: vec![], indexed: collection.indexed_fields() }
    }

    fn filter(
        &mut self,
        conditions: &[Condition],
        stretch: Option<&Stretch>,
    ) -> Result<(), InvalidName> {
        let mut terms = vec![];
        for condition in conditions {
            terms.push(self.condition(condition)?);
        }
        if let Some(stretch) = stretch {
            self.stretch(stretch, &mut terms)?;
        }
        if !terms.is_empty() {
            self.text += " WHERE ";
            self.text += &terms.join(" AND ");
        }
        Ok(())
    }

    fn condition(&mut self, condition: &Condition) -> Result<String, InvalidName> {
        Ok(match condition {
            Condition::Equals(field, value) => self.equals(field, value)?,
            Condition::AnyOf(field, values) => {
                let field = self.field(field)?;
                let listed = format!("{field} IN {}", self.list(values));
                if values.contains(&Scalar::Null) {
                    format!("({field} IS NULL OR {listed})")
                } else {
                    listed
                }
            }
            Condition::NoneOf(field, values) => {
                let field = self.field(field)?;
                let unlisted = format!("{field} NOT IN {}", self.list(values));
                if values.contains(&Scalar::Null) {
                    format!("({field} IS NOT NULL AND {unlisted})")
                } else {
                    format!("({field} IS NULL OR {unlisted})")
                }
            }
            Condition::HasAny(field, values) if self.indexed.contains(field) => {
                // The column holds the list as JSON, so the document need not be read.
                let field = column(field)?;
                let has_text = match plain_element(values) {
                    Some(text) => format!("instr({field}, {}) > 0 AND", self.bind(&text)),
                    None => String::new(),
                };
                format!(
                    "CASE WHEN {has_text} substr({field}, 1, 1) = '[' AND json_valid({field}) \
                     THEN EXISTS (SELECT 1 FROM json_each({field}) AS element JOIN json_each({}) AS wanted \
                     ON element.type = wanted.type AND element.value IS wanted.value) \
                     ELSE FALSE END",
                    self.bind_list(values)
                )
            }
            Condition::HasAny(field, values) => {
                let field = plain(field)?;
                // `json_each` treats a single value as a list of one. Types are compared because it
                // returns booleans as numbers.
                format!(
                    "(json_type(document, '$.{field}') = 'array' AND EXISTS (SELECT 1 \
                     FROM json_each(document, '$.{field}') AS element JOIN json_each({}) AS wanted \
                     ON element.type = wanted.type AND element.value IS wanted.value))",
                    self.bind_list(values)
                )
            }
            Condition::AtLeast(field, Scalar::Null) => {
                plain(field)?;
                "TRUE".to_owned()
            }
            Condition::AtLeast(field, value) => {
                let field = self.field(field)?;
                format!("{field} >= {}", self.bind(value))
            }
            Condition::Below(field, Scalar::Null) => {
                plain(field)?;
                "FALSE".to_owned()
            }
            Condition::Below(field, value) => {
                let field = self.field(field)?;
                format!("({field} IS NULL OR {field} < {})", self.bind(value))
            }
            Condition::LessThan(field, Scalar::Null) => {
                plain(field)?;
                "FALSE".to_owned()
            }
            Condition::LessThan(field, value) => {
                let field = self.field(field)?;
                format!("{field} < {}", self.bind(value))
            }
            Condition::Contains(field, text) => {
                let field = plain(field)?;
                format!(
                    "(json_type(document, '$.{field}') = 'text' AND \
                     instr(json_extract(document, '$.{field}'), {}) > 0)",
                    self.bind(&Scalar::Text(text.clone()))
                )
            }
        })
    }

    fn stretch(&mut self, stretch: &Stretch, terms: &mut Vec<String>) -> Result<(), InvalidName> {
        match stretch {
            Stretch::Tie { field, value, after, before } => {
                terms.push(self.equals(field, value)?);
                self.keys(after.as_ref(), before.as_ref(), terms);
            }
            Stretch::Between { field, above, below } => {
                let field = self.field(field)?;
                match above {
                    None => {}
                    // `below` already excludes null, and SQLite chooses worse indexes with an
                    // explicit condition.
                    Some(Scalar::Null) if below.is_some() => {}
                    Some(Scalar::Null) => terms.push(format!("{field} IS NOT NULL")),
                    Some(above) => terms.push(format!("{field} > {}", self.bind(above))),
                }
                if let Some(below) = below {
                    terms.push(format!("{field} < {}", self.bind(below)));
                }
            }
            Stretch::Keys { after, before } => self.keys(after.as_ref(), before.as_ref(), terms),
        }
        Ok(())
    }

    fn keys(&mut self, after: Option<&String>, before: Option<&String>, terms: &mut Vec<String>) {
        for (key, sign) in [(after, '>'), (before, '<')] {
            if let Some(key) = key {
                self.bound.push(Bound::Text(key.clone()));
                terms.push(format!("key {sign} ?{}", self.bound.len()));
            }
        }
    }

    fn field(&self, field: &str) -> Result<String, InvalidName> {
        if self.indexed.contains(field) { column(field) } else { extracted(field) }
    }

    fn equals(&mut self, field: &str, value: &Scalar) -> Result<String, InvalidName> {
        let field = self.field(field)?;
        Ok(match value {
            Scalar::Null => format!("{field} IS NULL"),
            value => format!("{field} = {}", self.bind(value)),
        })
    }

    fn bind(&mut self, value: &Scalar) -> String {
        self.bound.push(match value {
            Scalar::Null => Bound::Null,
            Scalar::Integer(number) => Bound::Integer(*number),
            Scalar::Text(text) => Bound::Text(text.clone()),
        });
        format!("?{}", self.bound.len())
    }

    /// The values except null, which `IN` does not match.
    fn list(&mut self, values: &[Scalar]) -> String {
        let values: Vec<_> = values.iter().filter(|it| **it != Scalar::Null).cloned().collect();
        format!("(SELECT value FROM json_each({}))", self.bind_list(&values))
    }

    /// One parameter for the whole list, so that its length is unlimited and does not change the
    /// statement.
    fn bind_list(&mut self, values: &[Scalar]) -> String {
        let values = values.iter().map(|value| match value {
            Scalar::Null => Value::Null,
            Scalar::Integer(number) => Value::from(*number),
            Scalar::Text(text) => Value::from(text.as_str()),
        });
        self.bound.push(Bound::Text(values.collect::<Value>().to_string()));
        format!("?{}", self.bound.len())
    }
}

/// The JSON of a single element, if JSON escapes none of its characters. A list without this text
/// does not have the element, which is much faster to find out than by parsing the list.
fn plain_element(values: &[Scalar]) -> Option<Scalar> {
    let [Scalar::Text(text)] = values else { return None };
    let is_plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    is_plain.then(|| Scalar::Text(format!("\"{text}\"")))
}

/// The column of an indexed field. Unquoted, because SQLite may treat an unknown quoted name as a
/// string.
pub(super) fn column(field: &str) -> Result<String, InvalidName> {
    Ok(format!("field_{}", plain(field)?))
}

/// The expression for a field of a document.
pub(super) fn extracted(field: &str) -> Result<String, InvalidName> {
    Ok(format!("json_extract(document, '$.{}')", plain(field)?))
}
