//! Translates conditions and stretches to MongoDB filters.

use mongodb::bson::{Bson, Document, doc};

use crate::names::{InvalidName, plain};
use crate::paging::{Leg, Stretch};
use crate::{Condition, Direction, Scalar};

/// The filter for conditions and a stretch.
pub(super) fn filter(
    conditions: &[Condition],
    stretch: Option<&Stretch>,
) -> Result<Document, InvalidName> {
    let mut terms = conditions.iter().map(condition).collect::<Result<Vec<_>, _>>()?;
    if let Some(stretch) = stretch {
        terms.extend(stretch_terms(stretch)?);
    }
    Ok(if terms.is_empty() {
        doc! {}
    } else {
        doc! { "$and": terms }
    })
}

/// The order within a leg.
pub(super) fn sort(leg: &Leg) -> Result<Document, InvalidName> {
    let direction = match leg.direction {
        Direction::Ascending => 1,
        Direction::Descending => -1,
    };
    let mut sort = doc! {};
    if let Stretch::Between { field, .. } = &leg.stretch {
        sort.insert(plain(field)?, direction);
    }
    sort.insert("_id", direction);
    Ok(sort)
}

/// A comparison with null also matches a missing field; any other only matches values of the same
/// type.
fn condition(condition: &Condition) -> Result<Document, InvalidName> {
    Ok(match condition {
        Condition::Equals(field, value) => doc! { plain(field)?: { "$eq": bson(value) } },
        Condition::AnyOf(field, values) => doc! { plain(field)?: { "$in": list(values) } },
        Condition::NoneOf(field, values) => doc! { plain(field)?: { "$nin": list(values) } },
        Condition::HasAny(field, values) => {
            doc! { plain(field)?: { "$elemMatch": { "$in": list(values) } } }
        }
        Condition::AtLeast(field, Scalar::Null) => {
            plain(field)?;
            doc! {}
        }
        Condition::AtLeast(field, value) => doc! { plain(field)?: { "$gte": bson(value) } },
        Condition::Below(field, Scalar::Null) => doc! { plain(field)?: { "$in": [] } },
        Condition::Below(field, value) => {
            let field = plain(field)?;
            doc! { "$or": [{ field: { "$lt": bson(value) } }, { field: null }] }
        }
        Condition::LessThan(field, Scalar::Null) => doc! { plain(field)?: { "$in": [] } },
        Condition::LessThan(field, value) => doc! { plain(field)?: { "$lt": bson(value) } },
        Condition::Contains(field, text) => {
            // Not a regular expression, because those need escaping and have a maximum length.
            let field = format!("${}", plain(field)?);
            let found = doc! { "$indexOfBytes": [&field, { "$literal": text }] };
            doc! { "$expr": { "$cond": [
                { "$eq": [{ "$type": &field }, "string"] },
                { "$gte": [found, 0] },
                false,
            ] } }
        }
    })
}

fn stretch_terms(stretch: &Stretch) -> Result<Vec<Document>, InvalidName> {
    let mut terms = vec![];
    match stretch {
        Stretch::Tie { field, value, after, before } => {
            terms.push(doc! { plain(field)?: { "$eq": bson(value) } });
            keys(after.as_ref(), before.as_ref(), &mut terms);
        }
        Stretch::Between { field, above, below } => {
            let field = plain(field)?;
            match above {
                None => {}
                Some(Scalar::Null) => terms.push(doc! { field: { "$ne": null } }),
                Some(above) => terms.push(doc! { field: { "$gt": bson(above) } }),
            }
            if let Some(below) = below {
                terms.push(doc! { field: { "$lt": bson(below) } });
            }
        }
        Stretch::Keys { after, before } => keys(after.as_ref(), before.as_ref(), &mut terms),
    }
    Ok(terms)
}

fn keys(after: Option<&String>, before: Option<&String>, terms: &mut Vec<Document>) {
    if let Some(after) = after {
        terms.push(doc! { "_id": { "$gt": after } });
    }
    if let Some(before) = before {
        terms.push(doc! { "_id": { "$lt": before } });
    }
}

fn list(values: &[Scalar]) -> Vec<Bson> {
    values.iter().map(bson).collect()
}

fn bson(value: &Scalar) -> Bson {
    match value {
        Scalar::Null => Bson::Null,
        Scalar::Integer(number) => Bson::Int64(*number),
        Scalar::Text(text) => Bson::String(text.clone()),
    }
}
